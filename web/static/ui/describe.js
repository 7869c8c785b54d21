/** What an item is, in plain words: its title, what of it is framing, what a mark means, where DevTools shows it. */
import { t } from '../text.js';

/** hasBytes tells whether there is something to show of an item: not of what happened to a connection, nor of the end of a response. */
export function hasBytes({ offset, length }) {
  return offset !== undefined && length > 0;
}

/** words returns a text of this area, '' if there is none. */
export function words(name, values) {
  const text = t(`detail.${name}`, values);
  return text === `detail.${name}` ? '' : text;
}

export const laneTitle = (lane) => words(`lane.${lane}`) || lane || '';

/** title says what an item is: "Event 41 to the page, by Server-Sent Events". */
export function title(item) {
  const number = item.id?.slice(item.id.lastIndexOf('-') + 1);
  const values = { lane: laneTitle(item.lane), number, exchange: String(item.exchange ?? ''), topic: item.topic, label: item.label };
  let key = item.kind;
  if (item.dir === 'up') key = words(`title.${key}-up`, values) ? `${key}-up` : key;
  else if (key === 'event' && !/^\d+$/.test(number ?? '')) key = 'event-other';
  return words(`title.${key}`, values) || t('detail.title.other', { ...values, label: item.label ?? item.kind });
}

/** share says in simple numbers which part of the bytes is not payload: "3 of 4 are framing". */
export function share(cost) {
  const total = cost.head + cost.framing + cost.payload + cost.opaque;
  if (!total) return '';
  const role = ['head', 'framing', 'opaque'].reduce((most, one) => (cost[one] > cost[most] ? one : most), 'head');
  const shown = cost[role] ? role : 'payload';
  const part = cost[shown] / total;
  const name = t(`detail.role.${shown}`);
  if (part === 1) return t('detail.share.all', { role: name });
  if (part > 0.96) return t('detail.share.most', { role: name });
  if (part < 0.04) return t('detail.share.most', { role: t('detail.role.payload') });
  for (const of of [2, 3, 4, 5, 10]) {
    const n = Math.round(part * of);
    if (n > 0 && n < of && Math.abs(part - n / of) <= 0.025) return t('detail.share.some', { n, of, role: name });
  }
  return t('detail.share.percent', { n: Math.round(part * 100), role: name });
}

/** markWords explains an item without bytes: { title, text, devtools }. */
export function markWords({ kind, label, dir, lane }) {
  const key = [`${kind}-${label}`, `${kind}-${dir ?? 'down'}`, kind, 'note'].find((one) => words(`mark.${one}.title`));
  const values = { lane: laneTitle(lane), where: lane ? t('detail.where.lane', { lane: laneTitle(lane) }) : t('detail.where.all') };
  return { title: t(`detail.mark.${key}.title`, values), text: t(`detail.mark.${key}.text`, values), devtools: words(`mark.${key}.devtools`, values) };
}

/** devtools says where DevTools shows a part, or what it belongs to. */
export function devtools(part) {
  for (let one = part; one; one = one.parent) {
    const text = one.span.explain && words(`devtools.${one.span.explain}`) || words(`devtools.${one.span.kind}`);
    if (text) return text;
  }
  return '';
}

/** What a message is made of; where it comes in pieces, none of them is all of it. */
const units = new Set(['request-head', 'response-head', 'sse-event', 'ndjson-line', 'text-line', 'json', 'frame']);

/**
 * scope returns which bytes an item is about. What is around it alone, as the chunk around a single event is, belongs to
 * it; what it shares with others does not.
 */
export function scope(item, parts) {
  if (item.offset === undefined || !item.length) return undefined;
  const own = { start: item.offset, end: item.offset + item.length };
  let part = parts.covering(own.start, own.end);
  if (!part || part.start !== own.start || part.end !== own.end) {
    return { ...own, part: parts.all.find(({ start, span }) => start === own.start && units.has(span.kind)) };
  }
  const exact = part;
  const others = (parts.record.messages ?? []).filter(({ kind, dir, offset, length }) => kind !== 'chunk' && length > 0
    && (!dir || dir === parts.record.dir) && !(offset === own.start && length === item.length));
  const shared = ({ start, end }) => others.some(({ offset, length }) => offset < end && offset + length > start);
  while (part.parent && !shared(part.parent)) part = part.parent;
  return { start: part.start, end: part.end, part: exact };
}
