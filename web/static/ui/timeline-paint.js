/**
 * Paints the timeline: one picture for each call, from nothing. Between two rails, the browser's and the server's, what
 * one side tells the other is an arrow. It keeps no state but the places of what it painted (hits), by which the
 * pointer finds things. Where arrows would run into each other, it paints how many there are (timeline-density.js).
 */
import { arrow, ends, lookOf, paintArrows, paintAwaited } from './timeline-arrows.js';
import { counts, paintDensity } from './timeline-density.js';
import { paintHub } from './timeline-hub.js';
import { paintLabels } from './timeline-labels.js';
import { Scale, between, columns, tickStep, top } from './timeline-layout.js';
import { paintBands, paintHolds, paintMarks, paintRails } from './timeline-wires.js';
import { clockTime, isMark } from './words.js';
import { t } from '../text.js';

const bottom = 6;
const edge = top - 5; // what is later than the picture ends there, but for the heads of arrows

/** paint paints the picture, and returns { hits, mode, layout, scale, counts }. */
export function paint({ ctx, ratio, width, height, trace, lanes, end, span, now, live, behind = 0, moves, colours, selected, hover, dense }) {
  const layout = columns(width, lanes);
  const scale = new Scale({ end, span, top, bottom: height - bottom });
  const small = 0.6875 * colours.rem;
  const f = {
    ctx, ratio, width, height, trace, layout, scale, now, live, behind, moves, colours, selected, hover, small,
    hits: [], labels: [], to: Math.min(end, now),
    text: `${small}px ${colours.sans}`, bold: `650 ${small}px ${colours.sans}`, mono: `${small}px ${colours.mono}`,
    hair: (y) => (Math.floor(y * ratio) + 0.5) / ratio,
  };
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.lineCap = 'butt';
  ctx.lineJoin = 'round';
  ctx.textBaseline = 'alphabetic';

  for (const lane of layout.lanes) paintGround(f, lane);
  paintAway(f);
  paintGrid(f);
  f.counts = counts(f, dense);
  f.mode = f.counts.dense ? 'density' : 'arrows';
  for (const lane of layout.lanes) {
    ctx.save();
    ctx.beginPath();
    ctx.rect(lane.x, edge, lane.width, height - edge);
    ctx.clip();
    paintBands(f, lane);
    ctx.restore();
  }
  if (f.mode === 'arrows') paintOrigins(f);
  for (const lane of layout.lanes) {
    ctx.save();
    ctx.beginPath();
    ctx.rect(lane.x, edge, lane.width, height - edge);
    ctx.clip();
    f.labels = [];
    if (f.mode === 'density') paintDensity(f, lane);
    paintRails(f, lane);
    paintHolds(f, lane);
    if (f.mode === 'arrows') {
      paintAwaited(f, lane);
      paintArrows(f, lane);
    }
    paintMarks(f, lane);
    paintLabels(f, lane);
    ctx.restore();
  }
  paintHub(f);
  paintChosen(f);
  paintNow(f);
  return { hits: f.hits, mode: f.mode, layout, scale, counts: f.counts };
}

/** paintGround paints a lane as a sheet of its own. */
function paintGround({ ctx, height, colours }, { x, width }) {
  ctx.fillStyle = colours.card;
  ctx.fillRect(x, 0, width, height);
}

/** paintAway shades the times at which there was no server. */
function paintAway({ ctx, trace, scale, layout, to, colours }) {
  const { lanes } = layout;
  if (!lanes.length) return;
  for (const span of trace.spans) {
    if (span.kind !== 'down' || span.from > scale.end || span.to < scale.from) continue;
    const y = scale.y(Math.min(span.to, to));
    const x = lanes[0].x;
    ctx.fillStyle = colours['bad-soft'];
    ctx.globalAlpha = 0.6;
    ctx.fillRect(x, y, lanes.at(-1).x + lanes.at(-1).width - x, scale.y(span.from) - y);
    ctx.globalAlpha = 1;
  }
}

function paintGrid({ ctx, scale, layout, colours, hair, text, small }) {
  const step = tickStep(scale);
  const digits = step >= 1000 ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3;
  ctx.font = text;
  ctx.textAlign = 'right';
  ctx.lineWidth = 1;
  ctx.strokeStyle = colours.line;
  ctx.fillStyle = colours.quiet;
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  for (let time = Math.floor(scale.end / step) * step; time >= Math.max(0, scale.from); time -= step) {
    const y = hair(scale.y(time));
    for (const { x, width } of layout.lanes) {
      ctx.moveTo(x, y);
      ctx.lineTo(x + width, y);
    }
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
  for (let time = Math.floor(scale.end / step) * step; time >= Math.max(0, scale.from); time -= step) {
    const y = scale.y(time);
    if (y > top + small) ctx.fillText(clockTime(time, digits), layout.gutter - 8, y + small * 0.35);
  }
}

/** paintOrigins draws a line for each event, at the time when it was published: the same one through all lanes. */
function paintOrigins({ ctx, trace, scale, layout, colours, hair }) {
  const { order } = trace;
  const [first, last] = between(order, scale.from, scale.end);
  if (!layout.lanes.length || last - first > 200) return;
  const x0 = layout.lanes[0].x;
  const x1 = layout.hub.rail;
  ctx.strokeStyle = colours.edge;
  ctx.globalAlpha = 0.45;
  ctx.lineWidth = 1;
  ctx.setLineDash([1, 4]);
  ctx.beginPath();
  for (let i = first; i < last; i++) {
    const y = hair(scale.y(order[i].at));
    ctx.moveTo(x0, y);
    ctx.lineTo(x1, y);
  }
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}

/** paintChosen brings out what is selected, and what the pointer is on, with the same event in the other lanes. */
function paintChosen(f) {
  const { ctx, layout, colours, scale, trace, selected, hover, hair } = f;
  for (const [item, strong] of [[hover, false], [selected, true]]) {
    if (!item) continue;
    const event = item.kind === 'event' ? trace.published.get(item.id) ?? (item.published === undefined ? undefined : { at: item.published }) : undefined;
    if (event && scale.y(event.at) > top - 2 && layout.lanes.length) {
      const y = hair(scale.y(event.at));
      ctx.strokeStyle = colours.accent;
      ctx.lineWidth = 1;
      ctx.globalAlpha = strong ? 0.9 : 0.5;
      ctx.beginPath();
      ctx.moveTo(layout.lanes[0].x, y);
      ctx.lineTo(layout.hub.rail, y);
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    for (const lane of layout.lanes) {
      const own = lane.name === item.lane;
      const shown = own ? item : item.kind === 'event' ? trace.byId(lane.name, item.id) : undefined;
      if (!shown) continue;
      const colour = colours[`lane-${lane.name}`];
      if (isMark(shown)) {
        if (!strong) continue;
        const y = scale.y(shown.at);
        ctx.strokeStyle = colours.accent;
        ctx.lineWidth = 2;
        ctx.beginPath();
        ctx.roundRect(lane.browser - 6, y - 7, lane.server - lane.browser + 12, 14, 7);
        ctx.stroke();
        continue;
      }
      const place = ends(f, lane, shown);
      ctx.lineCap = 'round';
      ctx.strokeStyle = own && strong ? colours.accent : colour;
      ctx.globalAlpha = own && strong ? 0.28 : 0.2;
      ctx.lineWidth = own ? 12 : 8;
      ctx.beginPath();
      ctx.moveTo(place.x0, place.y0);
      ctx.lineTo(place.x1, place.y1);
      ctx.stroke();
      ctx.globalAlpha = 1;
      ctx.lineCap = 'butt';
      arrow(ctx, place, { ...lookOf(shown), thick: own ? 2.5 : 2 }, colour, colours.card);
      if (!own || !strong) continue;
      ctx.strokeStyle = colours.accent;
      ctx.lineWidth = 2;
      for (const [x, y] of [[place.x0, place.y0], [place.x1, place.y1]]) {
        ctx.beginPath();
        ctx.arc(x, y, 6.5, 0, 2 * Math.PI);
        ctx.stroke();
      }
    }
  }
}

/** paintNow marks the upper edge: the present, or where the picture was stopped. */
function paintNow({ ctx, layout, live, behind, colours, bold, scale, hair }) {
  const y = hair(top);
  const colour = behind ? colours.warn : live ? colours.good : colours.quiet;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(layout.gutter - 4, y);
  ctx.lineTo(layout.width, y);
  ctx.stroke();
  ctx.font = bold;
  ctx.textAlign = 'right';
  ctx.fillStyle = colour;
  const words = behind ? t('trace.behind', { n: Math.round(behind / 1000) }) : live ? t('trace.now') : clockTime(scale.end, 1);
  ctx.fillText(words, layout.gutter - 8, y + 4);
}
