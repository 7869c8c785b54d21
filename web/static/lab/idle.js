/**
 * What a client costs that nothing happens to, as far as a trace has it: the bytes of the latest heartbeats, or of the
 * latest polls that were answered with nothing, and the silence that each of them stood for.
 *
 * Bytes are those on the wire, chunks and frames included: how far a beat's end is behind the end of what came before it
 * on its connection. A pong is part of the beat that it answers. Of TCP's and IP's own headers a trace knows nothing.
 */

const enough = 10; // beats, or polls, are looked at
const slack = 20; // ms by which times may be off

/** idle returns { n, down, up, ms } of a lane, sums of the n latest; undefined if there are none, or all came at once. */
export function idle(trace, name) {
  const found = name === 'longpoll' ? polls(trace) : beats(trace, name);
  if (!found.length) return undefined;
  const sum = { n: found.length, down: 0, up: 0, ms: 0 };
  for (const { down, up, ms } of found) {
    sum.down += down;
    sum.up += up;
    sum.ms += ms;
  }
  return sum.ms > 0 ? sum : undefined;
}

/** perHour is what that comes to in an hour, in bytes. */
export function perHour({ down, up, ms }) {
  return (down + up) * 3_600_000 / ms;
}

/** beats lists those of the lane's newest stream: one before it may have had another heartbeat. */
function beats({ items }, lane) {
  const { conn } = items.findLast((item) => item.lane === lane && item.dir === 'down' && (item.kind === 'event' || item.kind === 'control')) ?? {};
  const found = [];
  let ping; // behind the beat that is met next
  let pong = 0; // bytes of pongs, likewise
  let beat; // which waits for what came before it
  for (let i = items.length - 1; i >= 0 && found.length < enough; i--) {
    const item = items[i];
    if (item.lane !== lane || item.conn !== conn || item.offset === undefined) continue;
    const { kind, topic, dir, at } = item;
    if (dir === 'up') {
      if (kind === 'pong') pong += item.length;
      continue;
    }
    if (kind === 'response') break; // the stream begins
    if (kind === 'comment') continue; // it belongs to the beat behind it
    const end = item.offset + item.length;
    if (beat) found.push({ down: beat.end - end, up: beat.up, ms: beat.at - at });
    beat = undefined;
    if (kind === 'ping') {
      ping = end;
    } else {
      // One whose pong is still under way will be counted when that is here.
      if (topic === '$beat' && (ping === undefined || pong)) beat = { end: ping ?? end, up: pong, at };
      ping = undefined;
      pong = 0;
    }
  }
  return found;
}

/** polls lists those that were held for as long as the newest poll may be, and brought nothing. */
function polls({ items }) {
  const found = [];
  let wait;
  let empty; // an answer, whose request is before it
  for (let i = items.length - 1; i >= 0 && found.length < enough; i--) {
    const item = items[i];
    if (item.lane !== 'longpoll') continue;
    if (item.kind === 'response' && item.label?.startsWith('204')) empty = item;
    const asked = item.kind === 'request' && waitOf(item); // to ask with wait=0 is no idle poll
    if (!asked) continue;
    wait ??= asked;
    if (asked !== wait || empty?.conn !== item.conn || empty.exchange !== item.exchange) continue;
    const ms = empty.at - item.at;
    // A server that leaves answers before its time.
    if (ms > 1000 * wait - slack) found.push({ down: empty.length, up: item.length, ms });
  }
  return found;
}

/** waitOf is for how many seconds a request may be held, as it says; undefined: it is no poll, or is answered at once. */
function waitOf({ label }) {
  return Number(/[?&]wait=(\d+)/.exec(label)?.[1]) || undefined;
}
