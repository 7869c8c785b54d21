/**
 * What an item of the trace is called, the same wherever it is shown: in the timeline, the log and the story.
 */
import { milliseconds, seqOf } from './element.js';
import { t } from '../text.js';

/** isMark tells what happened to a connection, or around it, from what was said on one. */
export const isMark = (item) => item.offset === undefined;

/** clockTime writes a time of the lab as 1:02.345, with so many digits of a second. */
export function clockTime(ms, digits = 3) {
  if (!Number.isFinite(ms)) return '–';
  const unit = 10 ** digits;
  const rounded = Math.round((Math.abs(ms) * unit) / 1000);
  const minutes = Math.floor(rounded / (60 * unit));
  const seconds = (rounded % (60 * unit)) / unit;
  return `${ms < 0 ? '−' : ''}${minutes}:${seconds.toFixed(digits).padStart(digits ? digits + 3 : 2, '0')}`;
}

/** kindName is what an item is, in a word or two. */
export function kindName(item) {
  if (item.kind === 'event' && item.replay) return t('trace.kinds.replay');
  if (item.kind === 'close' && isMark(item)) return t('trace.kinds.closed');
  return t(`trace.kinds.${item.kind}`);
}

/** family is the group of an item, by which the log filters. */
export function family(item) {
  if (isMark(item)) return ['fault', 'refused', 'note'].includes(item.kind) ? 'faults' : 'connections';
  if (item.kind === 'event') return 'events';
  if (item.kind === 'request' || item.kind === 'response' || item.kind === 'end') return 'http';
  return 'control';
}

/** words is what an item says, in plain text. */
export function words(item) {
  switch (item.kind) {
    case 'fault':
    case 'refused':
    case 'note': return faultWords(item);
    case 'state': return item.text ? t('trace.state-why', { state: t(`trace.states.${item.label}`), why: item.text }) : t(`trace.states.${item.label}`);
  }
  if (isMark(item)) return item.text ?? kindName(item);
  if (item.missed !== undefined) return t('trace.gap', { n: item.missed });
  return item.label ?? kindName(item);
}

/** faultWords says what a fault did. */
export function faultWords(item) {
  const text = item.text ?? '';
  switch (item.label) {
    case 'changed': return text && text !== 'none' ? text.replace(/^once: /, '') : t('trace.faults.none');
    case 'down': return t('trace.faults.down', { time: milliseconds(item.until - item.at) });
    case 'released': return t('trace.faults.released', { time: milliseconds(item.at - item.began) });
    case 'epoch': return t('trace.faults.epoch', { text });
    case 'dropped': return item.missed ? t('trace.faults.dropped', { n: item.missed }) : t('trace.faults.hole');
    case 'held': case 'silenced': case 'swallowed': case 'queued': case 'refused': case 'answered': case 'closed':
      return t(`trace.faults.${item.label}`, { text });
  }
  return text || kindName(item);
}

/** short is a label for a place where there is room for few letters. */
export function short(item) {
  switch (item.kind) {
    case 'event': return `${item.replay ? '↻ ' : ''}${seqOf(item.id)}`;
    case 'request': return (item.label ?? '').split('?')[0];
    case 'response': return (item.label ?? '').split(',')[0];
    case 'control': return item.missed !== undefined ? t('trace.gap', { n: item.missed }) : item.topic;
    case 'fin': return 'FIN';
    case 'reset': return 'RST';
    case 'ping': case 'pong': return item.kind;
  }
  return words(item);
}

/** describe says all about an item in a sentence, for those who do not see the picture. */
export function describe(app, item) {
  const parts = [];
  if (item.lane) parts.push(app.lanes.get(item.lane)?.title ?? item.lane);
  parts.push(kindName(item));
  if (item.kind === 'event') parts.push(`#${seqOf(item.id)}`);
  else if (words(item) !== parts.at(-1)) parts.push(words(item));
  if (item.dir && !isMark(item)) parts.push(t(`trace.directions.${item.dir}`));
  if (item.length) parts.push(t('trace.bytes', { n: item.length }));
  parts.push(t('trace.at', { time: clockTime(item.at) }));
  const late = lateness(item);
  if (late) parts.push(late);
  return `${parts.join(', ')}.`;
}

/** lateness says how long an item was on its way; undefined if nobody knows. */
export function lateness(item) {
  if (item.kind === 'event' && item.published !== undefined && item.received !== undefined) {
    return t('trace.late', { time: milliseconds(Math.max(0, item.received - item.published)) });
  }
  if (item.kind === 'request' && item.answered !== undefined) {
    return t('trace.answered', { time: milliseconds(Math.max(0, item.answered - (item.sent ?? item.at))) });
  }
  return undefined;
}
