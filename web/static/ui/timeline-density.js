/**
 * Many things in little room. Where arrows would run into each other, each row of the picture says by the length of a
 * bar how many there were: events from the server's rail, what the client sent from the browser's.
 */
import { nice } from './timeline-layout.js';
import { Rows } from './timeline-rows.js';
import { clockTime } from './words.js';
import { t } from '../text.js';

export const bar = 2; // CSS pixels
const rows = new Rows(); // kept from picture to picture

/**
 * counts sorts what is to be seen by lane: { items, marks, dense, perRow }. dense tells whether there is too much for
 * arrows; it stays what it was where both would do, so that the picture does not flicker.
 */
export function counts({ trace, scale, layout, ratio, live }, wasDense) {
  const names = layout.lanes.map(({ name }) => name);
  const items = new Map(names.map((name) => [name, []]));
  const marks = new Map(names.map((name) => [name, []]));
  const [firstMark, lastMark] = trace.bounds(scale.from, scale.end, trace.marks);
  for (let i = firstMark; i < lastMark; i++) marks.get(trace.marks[i].lane)?.push(trace.marks[i]);

  const most = (scale.bottom - scale.top) / (wasDense ? 3.5 : 2.5); // arrows in a lane
  const gone = trace.items.length ? trace.items[0].at : 0;
  const [from, to] = trace.bounds(scale.from, scale.end);
  // Older than the items are: only numbers are left.
  let dense = to - from > 6 * most * names.length || (gone > scale.from && trace.start < gone - 1000 && older(trace, names, scale.from, gone));
  if (!dense) {
    const seen = new Map(names.map((name) => [name, 0]));
    for (let i = from; i < to; i++) {
      const { lane, offset, kind } = trace.items[i];
      if (offset !== undefined && kind !== 'end' && kind !== 'response' && seen.has(lane)) seen.set(lane, seen.get(lane) + 1);
    }
    dense = Math.max(...seen.values()) > most;
  }
  if (!dense) {
    // What began or ended outside reaches into the picture.
    const reach = Math.min(trace.reach, scale.span, 120_000);
    const [first, last] = trace.bounds(scale.from - reach, scale.end + reach);
    for (let i = first; i < last; i++) {
      const item = trace.items[i];
      if (item.offset !== undefined) items.get(item.lane)?.push(item);
    }
  }
  return { items, marks, dense, ...(dense ? bars({ trace, names, scale, gone, live }, ratio) : {}) };
}

function older(trace, names, from, to) {
  let some = false;
  for (const name of names) trace.density(name).each(from, to, () => { some = true; });
  return some;
}

/** bars says how long the bars are: see Rows. */
function bars(seen, ratio) {
  rows.count(seen);
  const { lanes, hub, perRow, base, n } = rows;
  const { scale } = seen;
  // A single burst must not flatten all else: what is longer than there is room for ends in a stop.
  const sums = [];
  for (const { events, replays } of lanes.values()) for (let i = 0; i < n; i++) if (events[i] + replays[i] > 0) sums.push(events[i] + replays[i]);
  const usual = Float32Array.from(sums).sort()[Math.floor(0.97 * (sums.length - 1))] ?? 1;
  // y is where the bar of a row stands; the row is counted from time 0 on.
  return { bars: lanes, hub, perRow, base, n, most: nice(usual * 1.25), y: (place) => Math.round(scale.y((place + 1) * perRow) * ratio) / ratio };
}

/** paintDensity draws a lane's bars. */
export function paintDensity({ ctx, scale, colours, counts, text, small, trace, to }, lane) {
  const { events, replays, up } = counts.bars.get(lane.name);
  const wide = lane.server - lane.browser - 6;
  const unit = wide / counts.most;
  const colour = colours[`lane-${lane.name}`];
  const draw = (values, x, from, sign, limit = wide) => {
    ctx.beginPath();
    for (let i = 0; i < counts.n; i++) {
      if (!values[i]) continue;
      const offset = from ? Math.min(wide - 1, from[i] * unit) : 0;
      const length = Math.min(limit - offset, Math.max(1, values[i] * unit));
      ctx.rect(sign < 0 ? x - offset - length : x + offset, counts.y(counts.base + i), length, bar);
    }
    ctx.fill();
  };
  ctx.fillStyle = colour;
  ctx.globalAlpha = 0.75;
  draw(events, lane.server - 2, undefined, -1);
  ctx.globalAlpha = 1;
  draw(replays, lane.server - 2, events, -1);
  ctx.fillStyle = colours.ink;
  ctx.beginPath();
  for (let i = 0; i < counts.n; i++) if (events[i] + replays[i] > counts.most) ctx.rect(lane.server - 2 - wide, counts.y(counts.base + i), 3, bar);
  ctx.fill();
  ctx.globalAlpha = 0.7;
  draw(up, lane.browser + 3, undefined, 1, wide * 0.3);
  ctx.globalAlpha = 1;

  let sum = 0;
  for (let i = 0; i < counts.n; i++) sum += events[i] + replays[i];
  const seconds = Math.max(0.001, (to - Math.max(scale.from, 0)) / 1000);
  const words = t('trace.per-second', { n: Math.round(sum / seconds) });
  ctx.font = text;
  ctx.textAlign = 'left';
  ctx.fillStyle = colours.card;
  ctx.globalAlpha = 0.9;
  ctx.fillRect(lane.browser + 5, scale.top + 4, ctx.measureText(words).width + 7, small + 6);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colours.ink;
  ctx.fillText(words, lane.browser + 8, scale.top + small + 6);
}

/** inRow says what a row has: { events, replays, up, ms, from }. */
export function inRow(counts, scale, name, y) {
  const bars = counts.bars?.get(name);
  const place = Math.floor(scale.time(y) / counts.perRow) - counts.base;
  if (!bars || !(place >= 0 && place < counts.n)) return undefined;
  const round = (value) => Math.round(value);
  return {
    events: round(bars.events[place]), replays: round(bars.replays[place]), up: round(bars.up[place]),
    ms: counts.perRow, from: clockTime((counts.base + place) * counts.perRow),
  };
}
