/**
 * What a trace proves. A lesson's observations ask here, and nowhere else: no page, no server, no clock, so that the
 * same items always give the same answer, live or in a test.
 *
 * A note is something that the learner did in the lesson: { key, value, at }, at on the lab's clock as all times here.
 */

/** These are drawn as marks: nobody sent them as a message. The end of a connection looks like a close frame, without bytes. */
const ends = new Set(['fin', 'reset', 'deadline', 'error']);

/** ended reports whether an item is the end of a connection. */
export function ended(item) {
  return ends.has(item.kind) || (item.kind === 'close' && !item.length);
}

/** seq is the number in an id: its place in the log. */
export function seq(id) {
  return id ? Number(id.slice(id.lastIndexOf('-') + 1)) : NaN;
}

/** sum adds what pick finds in each. */
export function sum(list, pick) {
  let total = 0;
  for (const one of list) total += pick(one) ?? 0;
  return total;
}

/** busiest returns how many of these times lie in the fullest window of that length. */
export function busiest(times, length) {
  const sorted = [...times].sort((a, b) => a - b);
  let most = 0;
  for (let i = 0, j = 0; j < sorted.length; j++) {
    while (sorted[j] - sorted[i] > length) i++;
    most = Math.max(most, j - i + 1);
  }
  return most;
}

/** spent returns what a lane's totals have grown by from one moment to another. */
export function spent(before, after) {
  const grown = {};
  for (const [name, value] of Object.entries(after)) grown[name] = value - (before[name] ?? 0);
  return grown;
}

export class Facts {
  #items = new Map(); // lane → its items since then
  #exchanges = new Map();
  #connections = new Map();

  /** since is when the lesson began; what was before it proves nothing. */
  constructor({ trace, since = 0, notes = [], own = {}, now = trace.now }) {
    this.trace = trace;
    this.since = since;
    this.notes = notes;
    this.own = own;
    this.now = now;
    const { items } = trace;
    let first = items.length;
    while (first > 0 && items[first - 1].at >= since) first--;
    for (let i = first; i < items.length; i++) {
      const item = items[i];
      const list = this.#items.get(item.lane);
      if (list) list.push(item);
      else this.#items.set(item.lane, [item]);
    }
  }

  /** items returns what happened on a lane, of some kinds if any are named. */
  items(lane, ...kinds) {
    const list = this.#items.get(lane) ?? [];
    return kinds.length ? list.filter(({ kind }) => kinds.includes(kind)) : list;
  }

  /** events are those that came down by a lane. A page may send some up, too. */
  events(lane) {
    return this.items(lane, 'event').filter(({ dir }) => dir !== 'up');
  }

  /** exchanges pairs each request of a lane with its answer, in the order of asking. */
  exchanges(lane) {
    let list = this.#exchanges.get(lane);
    if (list) return list;
    const byKey = new Map();
    for (const item of this.items(lane)) {
      if (!item.exchange || !item.conn) continue;
      const key = `${item.conn}.${item.exchange}`;
      let x = byKey.get(key);
      if (!x) {
        if (item.kind !== 'request') continue; // its request was before the lesson
        x = { conn: item.conn, request: item, response: null, status: 0, events: [], controls: [], end: null };
        byKey.set(key, x);
      }
      if (item.kind === 'response') {
        x.response = item;
        x.status = parseInt(item.label, 10);
      } else if (item.kind === 'event' && item.dir !== 'up') x.events.push(item);
      else if (item.kind === 'control') x.controls.push(item);
      else if (item.kind === 'end') x.end = item;
    }
    list = [...byKey.values()];
    this.#exchanges.set(lane, list);
    return list;
  }

  /** connections lists a lane's connections, with their end if it was seen. */
  connections(lane) {
    let list = this.#connections.get(lane);
    if (list) return list;
    const byNumber = new Map();
    for (const item of this.items(lane)) {
      if (!item.conn) continue;
      let c = byNumber.get(item.conn);
      if (!c) byNumber.set(item.conn, c = { conn: item.conn, from: item.at, end: null, items: [] });
      c.items.push(item);
      if (ended(item)) c.end ??= item;
    }
    list = [...byNumber.values()];
    this.#connections.set(lane, list);
    return list;
  }

  /** held is for how long an answer was awaited, as the browser saw it. */
  held({ request, response }) {
    return response ? response.at - request.at : NaN;
  }

  /** late is for how long an event had been in the log when it crossed the learner's wire. */
  late(item) {
    const published = this.trace.published.get(item.id);
    return published ? item.at - published.at : NaN;
  }

  /** publishedIn lists what was published in a span of time: { id, at, n, topic }. */
  publishedIn(from, to = Infinity) {
    const list = [];
    for (const [id, event] of this.trace.published) {
      if (event.at >= from && event.at < to) list.push({ id, ...event });
    }
    return list;
  }

  /** did returns the last note of that key, and of that value if one is named. */
  did(key, ...value) {
    return this.notes.findLast((note) => note.key === key && (!value.length || note.value === value[0]));
  }

  /** all returns all notes of that key, and of that value if one is named. */
  all(key, ...value) {
    return this.notes.filter((note) => note.key === key && (!value.length || note.value === value[0]));
  }

  /** periods returns when a choice stood at a value: [{ from, to }]. */
  periods(key, value) {
    const list = [];
    for (const note of this.all(key)) {
      if (list.length && list.at(-1).to === Infinity) list.at(-1).to = note.at;
      if (note.value === value) list.push({ from: note.done ?? note.at, to: Infinity });
    }
    return list;
  }

  /** during reports whether a moment was in one of these periods. */
  during(periods, at) {
    return periods.some(({ from, to }) => at >= from && at < to);
  }
}
