/**
 * How a lane's last break went, in a few words: for places where there is no room for the story.
 */
import { epochOf, milliseconds, seqOf } from './element.js';
import { now } from './moment.js';
import { t } from '../text.js';

/** lastBreak returns the newest break of a lane; undefined if it had none. */
export function lastBreak({ trace }, name) {
  return trace.incidents.list.findLast(({ kind, lane }) => kind === 'break' && lane === name);
}

/** firstBreak returns the first break of a lane since a time. */
export function firstBreak({ trace }, name, since) {
  return trace.incidents.list.find(({ kind, lane, at }) => kind === 'break' && lane === name && at >= since);
}

/** waiting is how many events the log has got for a lane since its stream broke; undefined if nobody can tell. */
export function waiting({ trace }, lane) {
  const { head } = trace.log;
  if (!lane.cursor || epochOf(lane.cursor) !== epochOf(head)) return undefined;
  return Math.max(0, seqOf(head) - seqOf(lane.cursor));
}

/** outcome says what came of a break that is over: what was replayed, and what is known to be lost; none is how to say that nothing is. */
export function outcome({ replayed, gap, lost }, none = t('shell.breaks.nothing-lost')) {
  const parts = [];
  if (replayed) parts.push(t('shell.breaks.replayed', { n: replayed }));
  if (gap !== undefined) parts.push(gap === null ? t('shell.breaks.missed-unknown') : t('shell.breaks.missed', { n: gap }));
  else if (lost) parts.push(t('shell.breaks.lost', { n: lost }));
  else if (lost === 0) parts.push(none);
  return parts;
}

/** brief says how a break stands: { state: 'stopped', 'broken', 'whole' or 'hurt', text }. */
export function brief(app, lane, b) {
  if (b.back === undefined) {
    const time = clock(now(app) - b.at);
    if (b.how === 'stopped') return { state: 'stopped', text: t('shell.breaks.stopped', { time }) };
    return { state: 'broken', text: [t('shell.breaks.broken', { time }), lane.reason].filter(Boolean).join(': ') };
  }
  const parts = [b.how === 'stopped' ? t('shell.breaks.started') : t('shell.breaks.back', { time: milliseconds(b.back - b.at) }), ...outcome(b, t('shell.breaks.lost', { n: 0 }))];
  return { state: b.lost || b.gap !== undefined ? 'hurt' : 'whole', text: parts.join(' · ') };
}

/** clock writes a time that goes on, in whole seconds and tenths: always as wide. */
export function clock(ms) {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}
