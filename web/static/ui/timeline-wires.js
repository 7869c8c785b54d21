/** What the arrows lie on: the two ends, the connections between them, and how those begin and end. */
import { cross } from './timeline-arrows.js';
import { milliseconds } from './element.js';
import { t } from '../text.js';

/** paintBands fills the room between the rails where there is a connection. */
export function paintBands(f, lane) {
  const { ctx, trace, scale, to, colours } = f;
  const free = []; // until when a place among those beside each other is taken
  for (const connection of trace.connections(lane.name)) {
    const { opened, closed = Infinity } = connection;
    let slot = free.findIndex((until) => until <= opened);
    if (slot < 0) slot = free.length;
    free[slot] = closed;
    if (opened > scale.end || closed < scale.from || connection.refused) continue;
    const inset = 3 + Math.min(slot, 5) * 4;
    const x = lane.browser + inset;
    const width = lane.server - lane.browser - 2 * inset;
    const y0 = scale.y(Math.min(closed, to));
    const y1 = scale.y(opened);
    ctx.fillStyle = colours[`lane-${lane.name}-soft`];
    ctx.globalAlpha = 0.8;
    ctx.fillRect(x, y0, width, y1 - y0);
    ctx.globalAlpha = 1;
    if (connection.silenced !== undefined) paintHole(f, x, y0, width, scale.y(Math.max(connection.silenced, opened)) - y0);
  }
}

/** paintHole hatches what is a black hole: open, and nothing passes. */
function paintHole({ ctx, colours, labels, text, height }, x, y, width, tall) {
  if (tall < 1) return;
  const from = Math.max(y, -8);
  const to = Math.min(y + tall, height + 8);
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, from, width, to - from);
  ctx.clip();
  ctx.fillStyle = colours.sunk;
  ctx.fillRect(x, from, width, to - from);
  ctx.strokeStyle = colours.edge;
  ctx.globalAlpha = 0.5;
  ctx.lineWidth = 1;
  ctx.beginPath();
  const shift = ((y + tall) % 9 + 9) % 9; // it moves with the time
  for (let i = from - width + shift - 9; i < to + 9; i += 9) {
    ctx.moveTo(x, i + width);
    ctx.lineTo(x + width, i);
  }
  ctx.stroke();
  ctx.restore();
}

/** paintRails draws the browser, as its client was, and the server, where there was one. */
export function paintRails({ ctx, trace, scale, to, colours, labels, hair }, { name, browser, server, width }) {
  const line = (x, from, until, { colour, thick, dash = [] }) => {
    if (from > scale.end || until < scale.from) return;
    ctx.strokeStyle = colour;
    ctx.lineWidth = thick;
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(x, scale.y(Math.max(from, scale.from - 100)));
    ctx.lineTo(x, scale.y(Math.min(until, to)));
    ctx.stroke();
    ctx.setLineDash([]);
  };
  const states = trace.states(name);
  const looks = {
    open: { colour: colours[`lane-${name}`], thick: 3 },
    connecting: { colour: colours.warn, thick: 2, dash: [3, 3] },
    closed: { colour: colours.edge, thick: 1, dash: [1, 3] },
  };
  line(browser, Math.max(0, scale.from), states[0]?.at ?? to, looks.closed);
  for (let i = 0; i < states.length; i++) {
    const { at, state } = states[i];
    const until = states[i + 1]?.at ?? Infinity;
    line(browser, at, until, looks[state] ?? looks.closed);
    // A wait that is high enough says how long it is; only one that followed upon an open connection is a wait.
    if (state !== 'connecting' || i === 0 || until < scale.from || at > scale.end) continue;
    const from = firstOf(states, i).at;
    if (states[i + 1]?.state === 'connecting') continue;
    if ((Math.min(until, to) - from) * scale.perMs > 18 && width > 120) {
      labels.push({ rank: 3, zone: 'left', x: browser + 8, y: scale.y(Math.max(from, scale.from)) - 5, words: t('trace.waits', { time: milliseconds(Math.min(until, to) - from) }), colour: colours.warn, ground: colours.card, tries: 2 });
    }
  }
  let from = 0;
  for (const span of trace.spans) {
    if (span.kind !== 'down') continue;
    line(server, from, span.from, { colour: colours.ink, thick: 2 });
    line(server, span.from, span.to, { colour: colours.bad, thick: 1, dash: [1, 3] });
    from = span.to;
  }
  line(server, from, Infinity, { colour: colours.ink, thick: 2 });
  for (const span of trace.spans) { // what stands between, where something does
    if (span.lane !== name) continue;
    const x = (browser + server) / 2;
    line(x, span.from, span.to ?? Infinity, { colour: colours.warn, thick: 1.25, dash: [6, 4] });
    for (const at of [span.from, span.to]) {
      if (at === undefined || at > scale.end || at < scale.from) continue;
      ctx.strokeStyle = colours.warn;
      ctx.lineWidth = 1.5;
      ctx.beginPath();
      ctx.moveTo(x - 5, hair(scale.y(at)));
      ctx.lineTo(x + 5, hair(scale.y(at)));
      ctx.stroke();
    }
  }
}

/** firstOf returns the first of the states in a row in which the client was trying. */
function firstOf(states, i) {
  while (i > 0 && states[i - 1].state === 'connecting') i--;
  return states[i];
}

/** paintHolds draws a bar for each poll that the server keeps waiting. */
export function paintHolds({ ctx, trace, scale, to, colours }, { name, server }) {
  ctx.fillStyle = colours[`lane-${name}`];
  ctx.strokeStyle = colours.card;
  ctx.lineWidth = 1;
  trace.holds(name, scale.from, scale.end, (request, from, until = to) => {
    const y = scale.y(Math.min(until, to));
    const tall = Math.max(2, scale.y(from) - y);
    ctx.globalAlpha = 0.85;
    ctx.beginPath();
    ctx.roundRect(server - 4, y, 8, tall, 3);
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.stroke();
  });
}

/** paintMarks draws how connections begin and end. */
export function paintMarks(f, lane) {
  const { ctx, trace, scale, colours, hits, labels, hair } = f;
  const x0 = lane.browser + 3;
  const x1 = lane.server - 3;
  const middle = (x0 + x1) / 2;
  for (const connection of trace.connections(lane.name)) {
    const { opened, closed, ending, silenced } = connection;
    if (connection.refused) {
      paintRefusal(f, lane, opened);
      continue;
    }
    if (opened >= scale.from && opened <= scale.end && connection.known) {
      ctx.strokeStyle = colours[`lane-${lane.name}`];
      ctx.lineWidth = 1;
      ctx.globalAlpha = 0.6;
      ctx.beginPath();
      ctx.moveTo(x0, hair(scale.y(opened)));
      ctx.lineTo(x1, hair(scale.y(opened)));
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    if (silenced >= scale.from && silenced <= scale.end) {
      labels.push({ rank: 0, zone: 'middle', x: middle, y: scale.y(silenced) - 5, words: t('trace.black-hole'), colour: colours.ink, pill: true });
    }
    if (closed === undefined || closed < scale.from || closed > scale.end || f.mode === 'density' && ending !== 'reset') continue;
    const y = hair(scale.y(closed));
    const bad = ending === 'reset' || ending === 'error';
    ctx.strokeStyle = bad ? colours.bad : colours.ink;
    ctx.lineWidth = bad ? 1.75 : 1.5;
    ctx.beginPath();
    if (bad) {
      for (let x = x0, up = 2.5; x <= x1; x += 6, up = -up) ctx.lineTo(x, y + up);
    } else {
      ctx.moveTo(x0, y);
      ctx.lineTo(x1, y);
    }
    ctx.stroke();
    const text = { reset: 'RST', fin: 'FIN' }[ending];
    if (text) labels.push({ rank: bad ? 0 : 1, zone: 'middle', x: middle, y: y + 3.5, words: text, colour: bad ? colours.bad : colours.ink, pill: true });
  }
  const states = trace.states(lane.name);
  for (let i = 1; i < states.length; i++) { // it tried, and failed
    if (states[i].state === 'connecting' && states[i - 1].state === 'connecting' && states[i].reason) paintRefusal(f, lane, states[i].at);
  }
  for (const item of f.counts.marks.get(lane.name)) {
    const y = scale.y(item.at);
    if (item.kind === 'state') hits.push({ item, lane: lane.name, x0: lane.browser - 4, y0: y, x1: lane.browser + 4, y1: y });
    else hits.push({ item, lane: lane.name, x0, y0: y, x1, y1: y, weak: true });
    if (item.kind !== 'fault') continue;
    if (['held', 'released', 'closed', 'silenced', 'swallowed'].includes(item.label)) continue;
    ctx.strokeStyle = colours.warn;
    ctx.lineWidth = 1.25;
    ctx.setLineDash([4, 3]);
    ctx.beginPath();
    ctx.moveTo(lane.x, hair(y));
    ctx.lineTo(lane.x + lane.width, hair(y));
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

/** paintRefusal draws a connection that was never served. */
function paintRefusal({ ctx, scale, colours }, { browser, server }, at) {
  if (at < scale.from || at > scale.end) return;
  const x = browser + (server - browser) * 0.62;
  const y = scale.y(at);
  ctx.strokeStyle = colours.bad;
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  ctx.moveTo(browser, y);
  ctx.lineTo(x - 4, y);
  ctx.stroke();
  ctx.lineWidth = 1.75;
  cross(ctx, x, y, 3.5);
}
