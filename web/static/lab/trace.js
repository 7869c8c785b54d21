/**
 * What happened: the tap's records, the hub's log, the faults and what the page itself has noticed, put together.
 *
 *   trace.add(batch)                    from the lab's observer, up to 20 times a second
 *   trace.received(lane, events)        from the lane's worker: these are in the page
 *   trace.laneState(lane, state, ...)   what the lane's client says of itself
 *   trace.items, .range(), .find(), .step(), .byId()   to look at it
 *   trace.export(), Trace.import()      to keep it
 *
 * Each change dispatches 'change'. It is a model only, without a page. All times are milliseconds on the lab's clock.
 * What it keeps is bounded: items of the last five minutes, 40,000 at most. It drops the oldest in blocks, since to
 * drop them one by one would cost more than to keep them. Counts by the tenth of a second (density) and latencies by
 * the second (series) still cover five minutes when the items no longer do.
 */
import { Connection } from './connection.js';
import { Density } from './density.js';
import { Incidents } from './incidents.js';
import { Item, parseId } from './item.js';
import { Latencies, Series } from './latency.js';
import { check, format } from './saved.js';

export const lanes = ['longpoll', 'httpstream', 'sse', 'websocket'];
export const limits = { ms: 300_000, items: 40_000, published: 20_000, connections: 2_000, spans: 500, states: 500, records: 500, recordBytes: 16 << 20 };

const block = 4_000; // how many items are dropped at a time
const shortestHold = 30; // ms for which a request waits before that counts as being held

/** What is counted for each lane. */
const noTotals = () => ({
  connections: 0, requests: 0, responses: 0, events: 0, replays: 0, control: 0, comments: 0, pings: 0, messages: 0,
  up: 0, down: 0, head: 0, headUp: 0, headDown: 0, framing: 0, payload: 0,
  segments: 0, segmentsOut: 0, segmentsIn: 0, retransmits: 0,
});

const counters = {
  request: 'requests', response: 'responses', event: 'events', control: 'control', comment: 'comments', ping: 'pings',
  pong: 'pings', message: 'messages',
};

const ms = (ns) => ns / 1e6;

/** What the trace knows of a lane. */
class Lane {
  connections = new Map(); // by number, in order of coming
  holds = []; // requests that were held, in the order of their answers
  waiting = new Set(); // requests without an answer
  states = []; // {at, state, reason} of the client
  density = new Density();
  latencies = new Latencies();
  series = new Series();
  totals = noTotals();
  events = new Map(); // id → the newest event with it
  newest; // { epoch, seq } of the newest event that came
  early = new Map(); // id → when the page had it: told before the tap's record came
}

export class Trace extends EventTarget {
  static limits = limits;
  items = []; // in the order of their time
  marks = []; // those of the items that are no messages, likewise
  published = new Map(); // id → {id, seq, epoch, at, n, topic}
  order = []; // the same, in order
  spans = []; // {lane or null for all, kind: 'fault', 'nginx' or 'down', from, to (undefined: still), text}
  records = new Map(); // by number: answers of the server about single records, as far as somebody asked
  incidents = new Incidents(this);
  log = { head: '', oldest: '', events: 0, bytes: 0, history: 0 };
  streams = [];
  proxies = {};
  dropped = 0; // records that the tap had to leave out
  now = 0; // the time up to which the observer has told
  live = true;
  reach = 0; // ms: the longest that something was on its way, so how far an arrow can reach beyond its time
  #lanes = new Map(lanes.map((name) => [name, new Lane()]));
  #connections = new Map();
  #byRef = new Map();
  #unpublished = new Map(); // id → events whose publication is not known yet
  #setting = new Map(); // lane and kind → the open span
  #held = new Map(); // lane, connection and direction → why the proxy holds something back
  #epoch = '';
  #marks = 0;
  #recordBytes = 0;

  // Telling it

  add(batch) {
    if (!this.live) return;
    const fresh = [];
    this.now = Math.max(this.now, ms(batch.now));
    if (batch.log) this.#log(batch.log, fresh);
    if (batch.dropped || batch.hole) { // a hole: batches are missing, with nobody knows how many records
      this.dropped += batch.dropped ?? 0;
      fresh.push(this.#mark({ kind: 'note', lane: null, at: this.now, label: 'dropped', missed: batch.dropped }));
    }
    for (const record of batch.records ?? []) this.#record(record, fresh);
    for (const { conn, offset, at } of batch.arrived ?? []) {
      for (const item of this.#connections.get(conn)?.arrived(offset, ms(at)) ?? []) this.#reached(item);
    }
    for (const fault of batch.faults ?? []) this.#fault(fault, fresh);
    if (batch.streams) this.streams = batch.streams.map((s) => ({ ...s, opened: ms(s.opened) }));
    if (batch.proxies) this.proxies = batch.proxies;
    if (batch.state) this.#state(batch.state, fresh);
    this.#insert(fresh);
    this.incidents.settle();
    this.#prune();
    this.#changed();
  }

  /** received tells which events the page has got, and when. */
  received(name, events) {
    const lane = this.#lanes.get(name);
    if (!this.live || !lane) return;
    for (const { id, at: told } of events) {
      const at = this.#sane(told);
      const item = lane.events.get(id);
      if (item && item.received === undefined && item.at <= at + slack) this.#receive(lane, item, at);
      else lane.early.set(id, at);
      this.incidents.received(name, id, at);
    }
    this.incidents.settle();
    while (lane.early.size > limits.published) lane.early.delete(lane.early.keys().next().value);
    this.#changed();
  }

  /** laneState tells how a lane's client is: 'connecting', 'open' or 'closed', and why. */
  laneState(name, state, reason, at) {
    const lane = this.#lanes.get(name);
    if (!this.live || !lane) return;
    at = this.#sane(at);
    lane.states.push({ at, state, reason });
    if (lane.states.length > limits.states) lane.states.splice(0, limits.states / 10);
    this.#insert([this.#mark({ kind: 'state', lane: name, at, label: state, text: reason || undefined })]);
    this.#changed();
  }

  /** keep keeps what the server said about a record, so that an export has it. */
  keep(seq, answer) {
    const sizeOf = (kept) => kept?.bytes?.length ?? 0;
    this.#recordBytes += sizeOf(answer) - sizeOf(this.records.get(seq));
    this.records.set(seq, answer);
    while (this.records.size > limits.records || (this.#recordBytes > limits.recordBytes && this.records.size > 1)) {
      const [oldest, kept] = this.records.entries().next().value;
      this.#recordBytes -= sizeOf(kept);
      this.records.delete(oldest);
    }
  }

  /** reset begins to count anew, and forgets what was notable. What happened stays. */
  reset() {
    for (const lane of this.#lanes.values()) {
      lane.totals = noTotals();
      lane.latencies.clear();
    }
    this.incidents.clear();
    this.#changed();
  }

  // Asking it

  totals(name) {
    return { ...this.#lanes.get(name).totals };
  }

  /** latency is of the last thousand events that came into the page, replayed ones included. */
  latency(name) {
    const { latencies } = this.#lanes.get(name);
    return { n: latencies.n, p50: latencies.quantile(0.5), p99: latencies.quantile(0.99) };
  }

  /** density counts by the tenth of a second, series tells latencies by the second, for five minutes. */
  density(name) {
    return this.#lanes.get(name).density;
  }

  series(name) {
    return this.#lanes.get(name).series;
  }

  /** states are what the lane's client said of itself: {at, state, reason}, oldest first. */
  states(name) {
    return this.#lanes.get(name).states;
  }

  /** connections of a lane, or the one of a number. */
  connections(name) {
    return this.#lanes.get(name).connections.values();
  }

  connection(conn) {
    return this.#connections.get(conn);
  }

  /** holds calls visit(request, from, to) for requests that the server kept waiting between two times; to is undefined if it still does. */
  holds(name, from, to, visit) {
    const { holds, waiting } = this.#lanes.get(name);
    for (let i = lower(holds, from, (request) => request.answered); i < holds.length; i++) {
      const request = holds[i];
      if ((request.sent ?? request.at) <= to) visit(request, request.sent ?? request.at, request.answered);
    }
    for (const request of waiting) {
      const begin = request.sent ?? request.at;
      if (begin <= to && this.now - begin >= shortestHold) visit(request, begin, this.#connections.get(request.conn)?.closed);
    }
  }

  /** bounds returns the indexes in items, or in marks, of the first one at or behind from, and of the first one behind to. */
  bounds(from, to, items = this.items) {
    return [lower(items, from, timeOf), lower(items, to, timeOf, true)];
  }

  range(from, to) {
    return this.items.slice(...this.bounds(from, to));
  }

  find(ref) {
    return this.#byRef.get(ref);
  }

  /** byId returns the newest event of a lane with an id. */
  byId(name, id) {
    return this.#lanes.get(name)?.events.get(id);
  }

  /** passed tells whether a lane had a later event than one that was published: then that one will not come any more. */
  passed(name, { epoch, seq }) {
    const { newest } = this.#lanes.get(name);
    return newest?.epoch === epoch && newest.seq > seq;
  }

  /** step returns the item before or behind another one, in the lanes of a set; without ref the newest or oldest. */
  step(ref, by, shown) {
    const { items } = this;
    const from = this.#byRef.get(ref);
    let i = from ? this.#indexOf(from) + by : by < 0 ? items.length - 1 : 0;
    while (i >= 0 && i < items.length && shown && items[i].lane && !shown.has(items[i].lane)) i += by;
    return items[i];
  }

  /** start is the oldest time of which something is known. */
  get start() {
    return Math.max(0, this.now - limits.ms);
  }

  // Keeping it

  export() {
    const plain = (object) => JSON.parse(JSON.stringify(object)); // no classes, no undefined
    return plain({
      format,
      version: 1,
      now: this.now,
      dropped: this.dropped,
      log: this.log,
      streams: this.streams,
      proxies: this.proxies,
      items: this.items,
      published: this.order,
      spans: this.spans,
      connections: [...this.#connections.values()],
      incidents: this.incidents,
      records: [...this.records],
      lanes: Object.fromEntries([...this.#lanes].map(([name, { states, totals }]) => [name, { states, totals }])),
    });
  }

  /** import returns a trace that was exported, to look at. It throws what is wrong with the object if it is not one. */
  static import(object) {
    check(object, lanes, limits);
    const trace = new Trace();
    Object.assign(trace, { live: false, now: object.now, dropped: object.dropped, log: object.log, streams: object.streams, proxies: object.proxies, spans: object.spans });
    for (const event of object.published) {
      trace.order.push(event);
      trace.published.set(event.id, event);
    }
    for (const values of object.connections) {
      const connection = Object.assign(new Connection(), values);
      trace.#connections.set(connection.conn, connection);
      trace.#lanes.get(connection.lane).connections.set(connection.conn, connection);
    }
    for (const values of object.items) {
      const item = new Item(values);
      const lane = trace.#lanes.get(item.lane);
      trace.items.push(item);
      trace.#byRef.set(item.ref, item);
      if (item.offset === undefined) trace.marks.push(item);
      trace.#reached(item);
      if (!lane) continue;
      trace.#count(lane, item);
      if (item.kind === 'event') {
        lane.events.set(item.id, item);
        lane.newest = parseId(item.id);
        if (item.received !== undefined) trace.#measure(lane, item);
      } else if (item.kind === 'request') {
        if (item.answered === undefined) lane.waiting.add(item);
        else if (item.answered - (item.sent ?? item.at) >= shortestHold) lane.holds.push(item);
      }
    }
    for (const [name, { states, totals }] of Object.entries(object.lanes)) {
      const lane = trace.#lanes.get(name);
      lane.holds.sort((a, b) => a.answered - b.answered);
      Object.assign(lane, { states, totals });
    }
    trace.records = new Map(object.records);
    trace.incidents.restore(object.incidents);
    return trace;
  }

  // Taking a batch apart

  #log({ published, ...log }, fresh) {
    this.log = { ...this.log, ...log };
    for (const { id, at, n, topic } of published ?? []) {
      const event = { id, ...parseId(id), at: ms(at), n, topic };
      this.order.push(event);
      this.published.set(id, event);
      for (const item of this.#unpublished.get(id) ?? []) this.#publish(item, event);
      this.#unpublished.delete(id);
    }
    const { epoch } = parseId(this.log.head);
    if (epoch && this.#epoch && epoch !== this.#epoch) {
      fresh.push(this.#mark({ kind: 'note', lane: null, at: this.now, label: 'epoch', text: epoch }));
    }
    this.#epoch = epoch || this.#epoch;
  }

  #record(record, fresh) {
    const lane = this.#lanes.get(record.lane);
    if (!lane) return;
    const { totals } = lane;
    const at = ms(record.at);
    let connection = this.#connections.get(record.conn);
    if (!connection && record.conn) {
      connection = new Connection(record.conn, record.lane, at);
      connection.known = record.kind === 'open';
      this.#connections.set(record.conn, connection);
      lane.connections.set(record.conn, connection);
      totals.connections++;
    }
    if (record.kind === 'bytes') totals[record.dir] += record.n ?? 0;
    if (record.cost) {
      const [head, framing, payload] = record.cost;
      totals.head += head;
      totals[record.dir === 'up' ? 'headUp' : 'headDown'] += head;
      totals.framing += framing;
      totals.payload += payload;
    }
    if (record.info && connection) {
      const [out, into, , , repeated] = connection.counted(record.info);
      totals.segments += out + into;
      totals.segmentsOut += out;
      totals.segmentsIn += into;
      totals.retransmits += repeated;
    }
    const messages = record.messages ?? [];
    for (let i = 0; i < messages.length; i++) fresh.push(this.#message(record, messages[i], i, lane, connection));
    if (record.kind === 'bytes') return;
    if (record.kind !== 'open' && record.kind !== 'note' && record.kind !== 'deadline') connection?.end(record.kind, at, record.dir);
    fresh.push(new Item({
      ref: `${record.seq}.${messages.length}`, seq: record.seq, index: messages.length, lane: record.lane, conn: record.conn,
      dir: record.dir, kind: record.kind, at, text: record.text,
    }));
  }

  #message(record, message, index, lane, connection) {
    const { kind, dir, id, topic, label, offset, length, payload, exchange } = message;
    const item = new Item({
      ref: `${record.seq}.${index}`, seq: record.seq, index, lane: record.lane, conn: record.conn, dir, kind,
      at: ms(message.ended ?? record.at), began: ms(message.began ?? record.at),
      id: id || undefined, topic: topic || undefined, label, offset, length, payload, exchange,
    });
    if (dir === 'up') connection?.sent(item);
    else if (message.sent !== undefined) item.sent = ms(message.sent);
    this.#reached(item);

    const counter = counters[kind];
    if (counter) lane.totals[counter]++;
    if (kind === 'request') {
      connection?.ask(item);
      lane.waiting.add(item);
    } else if (dir === 'down') {
      this.#answer(lane, connection?.request(exchange), item); // all of it is the answer: the record of its head may be missing
    }
    if (kind === 'event') {
      this.#event(lane, connection, item);
    } else if (topic === '$gap') {
      const missed = /"missed":(\d+)/.exec(label ?? '');
      if (missed) item.missed = Number(missed[1]);
    }
    return item;
  }

  #answer(lane, request, response) {
    if (!request || request.answered !== undefined) return;
    request.answered = response.sent ?? response.at;
    lane.waiting.delete(request);
    if (request.answered - (request.sent ?? request.at) < shortestHold) return;
    lane.holds.push(request);
    for (let i = lane.holds.length - 1; i > 0 && lane.holds[i - 1].answered > lane.holds[i].answered; i--) {
      [lane.holds[i - 1], lane.holds[i]] = [lane.holds[i], lane.holds[i - 1]];
    }
  }

  #event(lane, connection, item) {
    lane.newest = parseId(item.id);
    const before = lane.events.get(item.id);
    const early = lane.early.get(item.id);
    // The same event again, since the page never got the first one: what the page told belongs to this one.
    if (before?.received !== undefined && before.received >= item.at - slack) {
      item.received = before.received;
      before.received = undefined;
    }
    if (before) lane.events.delete(item.id); // so that the order is by the newest
    lane.events.set(item.id, item);
    const event = this.published.get(item.id);
    if (event) {
      this.#publish(item, event);
    } else {
      const list = this.#unpublished.get(item.id);
      if (list) list.push(item);
      else this.#unpublished.set(item.id, [item]);
      // An event from before the trace began is older than every connection that it saw opening.
      const oldest = this.order[0];
      const { epoch, seq } = parseId(item.id);
      if (oldest && connection?.known && epoch === oldest.epoch && seq < oldest.seq) this.#replayed(lane, item);
    }
    if (early !== undefined && item.received === undefined && item.at <= early + slack) {
      lane.early.delete(item.id);
      this.#receive(lane, item, early);
    }
  }

  /** #publish tells an event when it was published. */
  #publish(item, { at }) {
    item.published = at;
    const connection = this.#connections.get(item.conn);
    if (!connection?.known) return;
    // A browser may open a connection before it needs one, so a stream begins with its request. Long polling asks
    // all the time; what came between two polls was not missed.
    const begun = item.lane === 'longpoll' ? connection.opened : connection.request(item.exchange)?.at ?? connection.opened;
    if (at < begun && !item.replay) this.#replayed(this.#lanes.get(item.lane), item);
  }

  #replayed(lane, item) {
    item.replay = true;
    lane.totals.replays++;
  }

  #receive(lane, item, at) {
    item.received = at;
    this.#reached(item);
    this.#measure(lane, item);
  }

  #measure(lane, item) {
    const late = item.published === undefined ? undefined : Math.max(0, item.received - item.published);
    if (late !== undefined) lane.latencies.add(late);
    lane.series.add(item.received, late);
  }

  #fault(fault, fresh) {
    const at = ms(fault.at);
    const connection = this.#connections.get(fault.connection);
    const { kind, lane } = fault;
    const line = `${lane} ${fault.connection} ${fault.direction}`;
    const why = kind === 'released' ? this.#held.get(line) : fault.why;
    if (kind === 'held') this.#held.set(line, why);
    else if (kind === 'released') this.#held.delete(line);
    if (this.#held.size > limits.connections) this.#held.clear();
    if (kind === 'silenced' && connection) connection.silenced ??= at;
    if (kind === 'refused' && connection) connection.refused = true;
    if (kind === 'closed') {
      if (connection) connection.why = why;
      if (!['cut', 'idle', 'refuse', 'server not reached'].includes(why)) return; // the ends themselves tell the rest
    }
    if (kind === 'opened' || ((kind === 'held' || kind === 'released') && why === 'delay')) return; // too many, and no news
    fresh.push(this.#mark({
      kind: kind === 'refused' ? 'refused' : 'fault', lane: lane === 'all' ? null : lane, conn: connection?.conn, dir: fault.direction || undefined, at, label: kind, text: why || undefined,
      length: fault.bytes || undefined, began: fault.for ? at - ms(fault.for) : undefined,
    }));
  }

  /** #state turns the lab's state into spans of time: a fault that is set, nginx between, a server that is away. */
  #state(state, fresh) {
    const at = this.now;
    for (const name of lanes) {
      this.#span(name, 'fault', state.faults?.[name], at);
      const nginx = state.nginx?.[name];
      this.#span(name, 'nginx', nginx ? (nginx.buffering ? 'buffering' : 'passing') : '', at);
    }
    const down = state.down ? ms(state.down) : 0;
    const away = this.spans.findLast((span) => span.kind === 'down');
    if (down && away && down > away.from && Math.abs(down - away.to) < 1000) {
      away.to = down; // the same one, known better
      this.incidents.away(down);
    } else if (down) {
      this.spans.push({ lane: null, kind: 'down', from: at, to: down });
      fresh.push(this.#mark({ kind: 'fault', lane: null, at, label: 'down', until: down }));
    } else if (away && away.to > at) {
      away.to = at; // it is back sooner
    }
  }

  #span(lane, kind, text = '', at) {
    const key = `${lane} ${kind}`;
    const open = this.#setting.get(key);
    if ((open?.text ?? '') === text) return;
    if (open) open.to = at;
    this.#setting.delete(key);
    if (!text) return;
    const span = { lane, kind, from: at, to: undefined, text };
    this.#setting.set(key, span);
    this.spans.push(span);
  }

  // Keeping order

  /** #sane returns a time that the page told. Before it knows the lab's clock, it tells nonsense. */
  #sane(at) {
    return at > this.now + 60_000 || !(at >= 0) ? this.now : at;
  }

  #mark(values) {
    return new Item({ ref: `m${++this.#marks}`, ...values });
  }

  #reached(item) {
    const { at, sent = at, received = at, began = at } = item;
    const reach = Math.max(at, sent, received) - Math.min(at, sent, began);
    if (reach > this.reach && reach < limits.ms) this.reach = reach;
  }

  #count(lane, item) {
    if (item.kind === 'event') lane.density.add(item.at, item.replay ? 1 : 0);
    else if (item.dir === 'up') lane.density.add(item.at, 2);
  }

  /** #insert puts items in where they belong in time: nearly always at the end. */
  #insert(fresh) {
    if (!fresh.length) return;
    fresh.sort((a, b) => a.at - b.at);
    const { items } = this;
    const at = items.length && items.at(-1).at > fresh[0].at ? lower(items, fresh[0].at, timeOf, true) : items.length;
    const later = items.splice(at);
    let i = 0;
    for (const item of fresh) {
      while (i < later.length && later[i].at <= item.at) items.push(later[i++]);
      items.push(item);
      this.#byRef.set(item.ref, item);
      const lane = this.#lanes.get(item.lane);
      if (lane) this.#count(lane, item);
      if (item.offset === undefined) this.#keepMark(item);
      this.incidents.feed(item);
    }
    while (i < later.length) items.push(later[i++]);
  }

  #keepMark(item) {
    const { marks } = this;
    let i = marks.length;
    while (i > 0 && marks[i - 1].at > item.at) i--;
    marks.splice(i, 0, item);
  }

  #prune() {
    const { items, order } = this;
    const old = this.now - limits.ms;
    let n = items.length > limits.items ? items.length - limits.items + block : 0;
    // One at a time would move the whole array each time: wait for a block, or for a second.
    if (items.length && items[0].at < old && (items[Math.min(items.length - 1, block)].at < old || items[0].at < old - 1000)) {
      n = Math.max(n, lower(items, old, timeOf));
    }
    if (n) {
      for (const item of items.splice(0, n)) {
        this.#byRef.delete(item.ref);
        const lane = this.#lanes.get(item.lane);
        if (item.kind === 'event' && lane?.events.get(item.id) === item) lane.events.delete(item.id);
        else if (item.kind === 'request') lane?.waiting.delete(item);
      }
      const first = items[0]?.at ?? old;
      this.marks.splice(0, lower(this.marks, first, timeOf));
      for (const lane of this.#lanes.values()) lane.holds.splice(0, lower(lane.holds, Math.min(first, this.now - 1000), (r) => r.answered));
      this.reach = 0;
      for (const item of items) this.#reached(item);
      this.#forget([...this.#connections.values()].filter(({ closed }) => closed < first));
    }
    if (order.length > limits.published || (order.length && order[0].at < old - 1000)) {
      const past = Math.max(order.length - limits.published + block, lower(order, old, timeOf));
      for (const { id } of order.splice(0, past)) this.published.delete(id);
    }
    if (this.#unpublished.size > block) this.#unpublished.clear();
    if (this.spans.length > limits.spans) this.spans.splice(0, limits.spans / 10);
    if (this.#connections.size > limits.connections) {
      const all = [...this.#connections.values()];
      const over = all.filter(({ closed }) => closed !== undefined);
      this.#forget((over.length ? over : all).slice(0, limits.connections / 10));
    }
  }

  #forget(connections) {
    for (const { conn, lane } of connections) {
      this.#connections.delete(conn);
      this.#lanes.get(lane).connections.delete(conn);
    }
  }

  #indexOf(item) {
    let i = lower(this.items, item.at, timeOf);
    while (this.items[i] !== item) i++;
    return i;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

const slack = 20; // ms by which the page's clock may be off
const timeOf = (item) => item.at;

/** lower returns the index of the first of a sorted array whose time is not before at; behind: whose time is after it. */
function lower(array, at, time, behind = false) {
  let low = 0;
  let high = array.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const t = time(array[middle]);
    if (t < at || (behind && t === at)) low = middle + 1;
    else high = middle;
  }
  return low;
}
