/**
 * The column at the right: the hub, from which all lanes read. A dot is an event that was published, beside it its
 * number. The rail is thick where the log still holds the events: that is what a client can resume from. What the proxies
 * and the server itself did stands beside it.
 */
import { Room, between, fit, top } from './timeline-layout.js';
import { bar } from './timeline-density.js';
import { faultWords } from './words.js';
import { parseId } from '../lab/item.js';

const letters = { longpoll: 'L', httpstream: 'H', sse: 'S', websocket: 'W' };
const silent = new Set(['held', 'closed', 'swallowed']); // what the lanes show already

export function paintHub(f) {
  const { ctx, height, layout: { hub } } = f;
  ctx.save();
  ctx.beginPath();
  ctx.rect(hub.x, 0, hub.width, height);
  ctx.clip();
  paintRail(f);
  const right = paintEvents(f);
  paintSpans(f, right);
  if (hub.wide) paintTags(f, right);
  ctx.restore();
  if (!hub.wide) paintNarrowTags(f);
}

/** paintRail draws what the log holds: from the oldest event that is retained on. */
function paintRail({ ctx, trace, scale, to, colours, layout: { hub } }) {
  const y1 = scale.y(Math.max(0, scale.from));
  const y0 = scale.y(to);
  ctx.strokeStyle = colours.edge;
  ctx.lineWidth = 1;
  ctx.setLineDash([1, 3]);
  ctx.beginPath();
  ctx.moveTo(hub.rail, y0);
  ctx.lineTo(hub.rail, y1);
  ctx.stroke();
  ctx.setLineDash([]);
  if (!trace.log.events) return;
  const oldest = retained(trace);
  const from = oldest === undefined ? y1 : Math.min(y1, scale.y(oldest));
  if (from <= y0) return;
  ctx.strokeStyle = colours.ink;
  ctx.lineWidth = 5;
  ctx.globalAlpha = 0.22;
  ctx.beginPath();
  ctx.moveTo(hub.rail, y0);
  ctx.lineTo(hub.rail, from);
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** retained returns when the oldest event was published that the log still holds; undefined if that was long ago. */
function retained({ log, published }) {
  const { epoch, seq } = parseId(log.oldest);
  return published.get(`${epoch}-${seq + 1}`)?.at;
}

/** paintEvents draws the events of the hub, and returns where they end at the right. */
function paintEvents(f) {
  const { ctx, trace, scale, colours, layout: { hub }, mono, small, hits, mode, counts, selected, hover } = f;
  const { order, log } = trace;
  const oldest = parseId(log.oldest);
  if (mode === 'density') {
    const wide = hub.wide ? Math.min(64, hub.width * 0.35) : hub.width - 14;
    const { hub: { events }, base, n, most, y } = counts;
    ctx.fillStyle = colours.ink;
    ctx.globalAlpha = 0.5;
    ctx.beginPath();
    for (let i = 0; i < n; i++) if (events[i]) ctx.rect(hub.rail + 4, y(base + i), Math.min(wide, (events[i] / most) * wide), bar);
    ctx.fill();
    ctx.globalAlpha = 1;
    return hub.rail + 3 + wide;
  }
  const [first, last] = between(order, scale.from, scale.end);
  const free = new Room();
  ctx.font = mono;
  ctx.textAlign = 'left';
  let right = hub.rail + 9 + 1.3 * small;
  for (let i = last - 1; i >= first; i--) {
    const { id, epoch, seq, at } = order[i];
    const y = scale.y(at);
    const held = epoch === oldest.epoch && seq > oldest.seq;
    const chosen = id === selected?.id || id === hover?.id;
    ctx.beginPath();
    ctx.arc(hub.rail, y, chosen ? 4.5 : 3, 0, 2 * Math.PI);
    ctx.lineWidth = 1.25;
    ctx.strokeStyle = colours.ink;
    ctx.fillStyle = held ? colours.ink : colours.paper;
    ctx.fill();
    ctx.stroke();
    hits.push({ event: order[i], lane: null, x0: hub.rail, y0: y, x1: hub.rail + 16, y1: y });
    const text = hub.wide ? String(seq) : '';
    if (!text || !free.take(0, y - small / 2, 1, small + 1)) continue;
    ctx.fillStyle = held ? colours.ink : colours.quiet;
    ctx.fillText(text, hub.rail + 9, y + small * 0.36);
    right = Math.max(right, hub.rail + 9 + ctx.measureText(text).width);
  }
  return right;
}

/** paintSpans draws for how long the server was away. */
function paintSpans({ ctx, trace, scale, to, colours, layout: { hub } }) {
  for (const span of trace.spans) {
    if (span.kind !== 'down' || span.from > scale.end || span.to < scale.from) continue;
    const y = scale.y(Math.min(span.to, to));
    const tall = scale.y(span.from) - y;
    ctx.fillStyle = colours['bad-soft'];
    ctx.fillRect(hub.rail - 6, y, 12, tall);
    ctx.strokeStyle = colours.bad;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(hub.rail - 6, y);
    ctx.lineTo(hub.rail + 6, y);
    ctx.moveTo(hub.rail - 6, y + tall);
    ctx.lineTo(hub.rail + 6, y + tall);
    ctx.stroke();
  }
}

/** tags returns what the proxies and the server did, newest first; the same for several lanes in one moment is one. */
function tags({ trace, scale, layout }) {
  const names = new Set(layout.lanes.map(({ name }) => name));
  const [first, last] = trace.bounds(scale.from, scale.end, trace.marks);
  const found = [];
  for (let i = last - 1; i >= first; i--) {
    const item = trace.marks[i];
    if (item.kind !== 'fault' && item.kind !== 'note' && item.kind !== 'deadline') continue;
    if (silent.has(item.label) || (item.label === 'silenced' && item.text === 'cut') || partOfRestart(trace, item) || // another tag says it
       (item.lane && !names.has(item.lane))) continue;
    const twin = found.find((tag) => tag.label === item.label && tag.item.text === item.text && tag.at - item.at < 60);
    if (twin) {
      if (item.lane && !twin.lanes.includes(item.lane)) twin.lanes.unshift(item.lane);
      continue;
    }
    found.push({ item, at: item.at, label: item.label, lanes: item.lane ? [item.lane] : [] });
    if (found.length > 80) break;
  }
  return found;
}

/** partOfRestart tells whether a fault is how a restart is done. */
function partOfRestart({ spans }, { label, text, at }) {
  return label === 'changed' && /refuse=/.test(text) && spans.some(({ kind, from }) => kind === 'down' && Math.abs(from - at) < 200);
}

function colourOf({ item: { label } }, colours) {
  if (label === 'down' || label === 'dropped' || label === 'silenced') return colours.bad;
  return colours.warn;
}

function paintTags(f, right) {
  const { ctx, scale, colours, layout: { hub }, text, bold, small, hits, hair } = f;
  const free = new Room();
  const x = right + 10;
  const high = small + 4;
  for (const tag of tags(f)) {
    const at = scale.y(tag.at);
    if (at < top) continue;
    let y = at - high / 2;
    for (let tries = 0; tries < 3 && !free.take(0, y, 1, high); tries++) {
      y += high / 2;
      if (tries === 2) y = NaN;
    }
    if (Number.isNaN(y)) continue;
    const colour = colourOf(tag, colours);
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.setLineDash([2, 2]);
    ctx.beginPath();
    ctx.moveTo(right + 2, hair(at));
    ctx.lineTo(x - 5, hair(at));
    ctx.lineTo(x - 2, y + high / 2);
    ctx.stroke();
    ctx.setLineDash([]);
    let left = x;
    for (const name of tag.lanes.length === 4 ? [] : tag.lanes) {
      ctx.fillStyle = colours[`lane-${name}`];
      ctx.beginPath();
      ctx.roundRect(left, y + 1, small + 1, small + 1, 2);
      ctx.fill();
      ctx.font = `700 ${small * 0.85}px ${colours.sans}`;
      ctx.textAlign = 'center';
      ctx.fillStyle = colours.paper;
      ctx.fillText(letters[name], left + (small + 1) / 2, y + small * 0.85 + 0.5);
      left += small + 3;
    }
    ctx.font = tag.label === 'down' ? bold : text;
    ctx.textAlign = 'left';
    ctx.fillStyle = colour;
    ctx.fillText(fit(ctx, faultWords(tag.item), hub.x + hub.width - left - 4), left + 2, y + small);
    hits.push({ item: tag.item, lane: null, x0: x, y0: y + high / 2, x1: hub.x + hub.width, y1: y + high / 2 });
  }
}

/** paintNarrowTags writes over the lanes, where the column has no room for words. */
function paintNarrowTags(f) {
  const { ctx, scale, colours, layout, text, small, hair } = f;
  if (!layout.lanes.length) return;
  const free = new Room();
  const x1 = layout.lanes.at(-1).server - 12;
  for (const tag of tags(f)) {
    const at = scale.y(tag.at);
    if (/^once: cut/.test(tag.item.text)) continue; // the lane shows how it ended
    if (at < top || !free.take(0, at - small - 4, 1, small + 5)) continue;
    const colour = colourOf(tag, colours);
    ctx.font = text;
    ctx.textAlign = 'right';
    const words = fit(ctx, `${layout.lanes.length > 1 ? tag.lanes.map((name) => letters[name]).join('') + ' ' : ''}${faultWords(tag.item)}`, x1 - layout.lanes[0].x - 30);
    const width = ctx.measureText(words).width;
    ctx.fillStyle = colours.card;
    ctx.globalAlpha = 0.9;
    ctx.fillRect(x1 - width - 4, at - small - 3, width + 8, small + 4);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour;
    ctx.fillText(words, x1, at - 4);
  }
}
