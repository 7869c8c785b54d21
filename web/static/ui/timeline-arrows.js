/** What one side told the other, as arrows. */
import { between } from './timeline-layout.js';
import { indent } from './timeline-labels.js';

const pulse = 400; // ms for which an event that has just come shines
const overdue = 400; // ms after which something that did not arrive is worth a sign

/** paintAwaited shows on the server's rail what a lane should have had by now: on its way, or gone into a black hole. */
export function paintAwaited(f, { name, browser, server }) {
  const { ctx, trace, scale, to, colours, hits } = f;
  const { order } = trace;
  const [first, last] = between(order, scale.from, scale.end);
  if (last - first > 200) return;
  const lane = [...trace.connections(name)];
  for (let i = first; i < last; i++) {
    const { id, at } = order[i];
    const y = scale.y(at);
    const item = trace.byId(name, id);
    // What came through later, on another connection, did not come through on this one.
    const hole = lane.find((c) => c.silenced <= at && at < (c.closed ?? Infinity));
    if (hole && !(item?.at < (hole.closed ?? Infinity))) {
      const x = server - (server - browser) * 0.38;
      ctx.strokeStyle = colours.bad;
      ctx.lineWidth = 1.5;
      ctx.beginPath();
      ctx.moveTo(server, y);
      ctx.lineTo(x + 5, y);
      ctx.stroke();
      cross(ctx, x, y, 3.5);
      hits.push({ event: order[i], lane: name, x0: server, y0: y, x1: x, y1: y });
    } else if (!item && !trace.passed(name, order[i]) && lane.some((c) => c.opened <= at && at < (c.closed ?? Infinity)) && to - at > 50) {
      ctx.strokeStyle = colours[`lane-${name}`];
      ctx.fillStyle = colours.card;
      ctx.lineWidth = 1.25;
      ctx.beginPath();
      ctx.arc(server, y, 3.25, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
      hits.push({ event: order[i], lane: name, x0: server - 6, y0: y, x1: server + 6, y1: y });
    }
  }
}

/** How each kind looks: colour (a token, or 'lane'), thickness, dashes, how large its head is, and its label's rank. */
const looks = {
  event: { colour: 'lane', thick: 1.75, head: 7, rank: 2, zone: 'left', number: true },
  replay: { colour: 'lane', thick: 1.75, dash: [5, 3], head: 7, hollow: true, rank: 1, zone: 'left', number: true },
  request: { colour: 'ink', thick: 1, head: 6, rank: 3, zone: 'inner' },
  response: { colour: 'ink', thick: 1, head: 6, rank: 2, zone: 'right' },
  message: { colour: 'lane', thick: 1, head: 5, rank: 4, zone: 'right' },
  frame: { colour: 'lane', thick: 1, head: 5, rank: 5, zone: 'right' },
  close: { colour: 'ink', thick: 1.5, head: 6, rank: 1, zone: 'right' },
  $open: { colour: 'quiet', thick: 1, head: 5, rank: 4, zone: 'right' },
  $beat: { colour: 'quiet', thick: 1, dash: [1, 3], head: 4, rank: 5, zone: 'right' },
  $gap: { colour: 'warn', thick: 2, head: 7, rank: 0, zone: 'middle', pill: true },
  $bye: { colour: 'warn', thick: 1.5, head: 6, rank: 1, zone: 'right' },
  comment: { colour: 'quiet', thick: 1, dash: [1, 3], head: 4, rank: 6, zone: 'middle' },
  ping: { colour: 'quiet', thick: 1, dash: [1, 3], head: 4, rank: 5, zone: 'right' },
  pong: { colour: 'quiet', thick: 1, dash: [1, 3], head: 4, rank: 5, zone: 'inner' },
};

export function lookOf(item) {
  if (item.kind === 'event') return item.replay ? looks.replay : looks.event;
  return looks[item.kind === 'control' ? item.topic : item.kind] ?? looks.message;
}

/** ends returns where an item's arrow begins and ends. */
export function ends({ scale, trace, now }, { browser, server }, item) {
  if (item.dir === 'up') {
    const y0 = scale.y(item.at);
    const connection = trace.connection(item.conn);
    const lost = item.sent === undefined && (connection?.silenced <= item.at || now - item.at > overdue && connection?.closed <= now);
    return { x0: browser, y0, x1: lost ? browser + (server - browser) * 0.62 : server, y1: scale.y(item.sent ?? item.at), lost };
  }
  return { x0: server, y0: scale.y(item.sent ?? item.at), x1: browser, y1: scale.y(item.received ?? item.at), lost: false };
}

/** paintArrows draws what was said. Arrows that would cover each other are one, with a number. */
export function paintArrows(f, lane) {
  const { ctx, colours, hits, labels, moves, live, now } = f;
  let last;
  const items = f.counts.items.get(lane.name);
  const events = items.filter(({ kind }) => kind === 'event');
  for (const item of [...items.filter(({ kind }) => kind !== 'event' && kind !== 'end'), ...events]) { // events lie above all else
    const look = lookOf(item);
    const place = ends(f, lane, item);
    if (last && look.number && last.look === look && Math.abs(place.y0 - last.y0) < 0.75 && Math.abs(place.y1 - last.y1) < 0.75) {
      (last.labelled ?? last).until = item; // the label speaks for both
      hits.push({ item, lane: lane.name, ...place });
      continue;
    }
    const colour = look.colour === 'lane' ? colours[`lane-${lane.name}`] : colours[look.colour];
    arrow(ctx, place, look, colour, colours.card);
    hits.push({ item, lane: lane.name, ...place });
    const entry = { ...place, item, look };
    const together = last && look.number && last.look === look && Math.abs(place.y1 - last.y1) < 3;
    if (together) (last.labelled ?? last).until = item; // they came at once: one label
    if (look.number) last = together ? { ...entry, labelled: last.labelled ?? last } : entry;
    if (together) continue;
    const x = { left: lane.browser + 9, inner: lane.browser + indent, middle: (lane.browser + lane.server) / 2, right: lane.server - 9 }[look.zone];
    const along = (x - place.x0) / (place.x1 - place.x0);
    labels.push({ entry, rank: look.rank, zone: look.zone, colour: look.colour === 'ink' ? colours.quiet : colour, pill: look.pill, x, y: place.y0 + along * (place.y1 - place.y0) - 3.5 });
    const age = now - (item.received ?? -Infinity);
    if (moves && live && age >= 0 && age < pulse && item.kind === 'event') {
      ctx.globalAlpha = 0.5 * (1 - age / pulse);
      ctx.lineWidth = 1.5;
      ctx.strokeStyle = colour;
      ctx.beginPath();
      ctx.arc(place.x1, place.y1, 3 + (9 * age) / pulse, 0, 2 * Math.PI);
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
  }
}

/** arrow draws a line with a head, and a dot where it begins: of an event filled, of a replayed one open. */
export function arrow(ctx, { x0, y0, x1, y1, lost }, { thick, dash, head, hollow, number }, colour, ground) {
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  const ux = (x1 - x0) / length;
  const uy = (y1 - y0) / length;
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = thick;
  if (dash) ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(lost ? x1 : x1 - ux * head * 0.7, lost ? y1 : y1 - uy * head * 0.7);
  ctx.stroke();
  if (dash) ctx.setLineDash([]);
  if (lost) {
    ctx.lineWidth = 1.5;
    cross(ctx, x1, y1, 3.5);
  } else {
    const wide = head * 0.42;
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x1 - ux * head - uy * wide, y1 - uy * head + ux * wide);
    ctx.lineTo(x1 - ux * head + uy * wide, y1 - uy * head - ux * wide);
    ctx.closePath();
    if (hollow) {
      ctx.lineWidth = 1.25;
      ctx.fillStyle = ground;
      ctx.fill();
      ctx.stroke();
    } else {
      ctx.fill();
    }
  }
  if (!number) return;
  ctx.beginPath();
  if (hollow) {
    ctx.moveTo(x0, y0 - 4.5);
    ctx.lineTo(x0 + 4.5, y0);
    ctx.lineTo(x0, y0 + 4.5);
    ctx.lineTo(x0 - 4.5, y0);
    ctx.closePath();
    ctx.lineWidth = 1.5;
    ctx.fillStyle = ground;
    ctx.fill();
    ctx.stroke();
  } else {
    ctx.arc(x0, y0, 3, 0, 2 * Math.PI);
    ctx.fill();
  }
}

/** cross marks where something got no further. */
export function cross(ctx, x, y, r) {
  ctx.beginPath();
  ctx.moveTo(x - r, y - r);
  ctx.lineTo(x + r, y + r);
  ctx.moveTo(x - r, y + r);
  ctx.lineTo(x + r, y - r);
  ctx.stroke();
}
