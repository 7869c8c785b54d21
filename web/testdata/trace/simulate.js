/**
 * A lab that does not exist: four lanes, a hub, faults, told to a trace in batches as the server tells them. It always
 * does the same, and an hour takes no time. For tests and for looking at the pictures.
 */
const ns = (ms) => Math.round(ms * 1e6);
const names = ['longpoll', 'httpstream', 'sse', 'websocket'];
const heads = { longpoll: [420, 260], httpstream: [410, 330], sse: [430, 350], websocket: [540, 220] };
const framing = { longpoll: 30, httpstream: 7, sse: 28, websocket: 4 };

export class Simulation {
  now = 0; // ms
  records = [];
  arrived = [];
  faults = [];
  published = [];
  inbox = []; // [lane, events]
  seq = 0;
  conns = 0;
  events = 0;
  epoch = 'k7q2abcd';
  retained = 0; // the oldest that the log holds is behind this
  queue = []; // [at, n, do]
  #n = 0;
  #random = 1;
  state = { source: { rate: 1 }, faults: {}, nginx: {}, down: 0 };
  told = '';

  constructor(trace, { lanes = names, rate = 1, size = 64 } = {}) {
    this.trace = trace;
    this.rate = rate;
    this.size = size;
    this.log = [];
    this.lanes = new Map(lanes.map((name) => [name, { name, state: 'closed', delay: 0, cursor: undefined, waiting: [] }]));
    for (const lane of this.lanes.values()) this.connect(lane);
    this.tick();
  }

  random() {
    this.#random = (this.#random * 48271) % 2147483647;
    return this.#random / 2147483647;
  }

  later(ms, action) {
    const at = this.now + ms;
    let low = 0;
    let high = this.queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.queue[middle][0] <= at) low = middle + 1;
      else high = middle;
    }
    this.queue.splice(low, 0, [at, ++this.#n, action]);
  }

  /** run lets time pass, with a batch every 50 ms. */
  run(ms) {
    const end = this.now + ms;
    while (this.now < end - 1e-9) {
      const next = Math.min(end, (Math.floor(this.now / 50 + 1e-9) + 1) * 50);
      while (this.queue.length && this.queue[0][0] <= next) {
        const [at, , action] = this.queue.shift();
        this.now = Math.max(this.now, at);
        action();
      }
      this.now = next;
      this.flush();
    }
  }

  flush() {
    const batch = { now: ns(this.now), log: { head: `${this.epoch}-${this.events}`, oldest: `${this.epoch}-${this.retained}`, events: this.events - this.retained, bytes: 1000, history: 10_000 } };
    for (const key of ['records', 'arrived', 'faults']) {
      if (this[key].length) batch[key] = this[key];
      this[key] = [];
    }
    if (this.published.length) batch.log.published = this.published;
    this.published = [];
    const state = JSON.stringify(this.state);
    if (state !== this.told) batch.state = JSON.parse(this.told = state);
    for (const tell of this.inbox) tell();
    this.inbox = [];
    this.trace.add(batch);
    return batch;
  }

  tick() {
    if (this.rate > 0) this.publish();
    this.later(this.rate > 0 ? 1000 / this.rate : 100, () => this.tick());
  }

  publish() {
    if (this.away) return;
    const event = { id: `${this.epoch}-${++this.events}`, at: ns(this.now), n: this.size, topic: 'lab' };
    this.published.push(event);
    this.log.push(event.id);
    for (const lane of this.lanes.values()) this.offer(lane);
  }

  record(lane, conn, dir, messages, more = {}) {
    const offset = conn[dir];
    let at = offset;
    for (const message of messages) {
      Object.assign(message, { dir, offset: at, exchange: message.exchange ?? conn.exchange, began: ns(this.now), ended: ns(this.now) });
      at += message.length ?? 0;
    }
    conn[dir] = at;
    conn.segments += 1;
    const cost = [0, 0, 0];
    for (const m of messages) {
      if (m.kind === 'request' || m.kind === 'response') cost[0] += m.length;
      else {
        cost[2] += m.payload ?? 0;
        cost[1] += (m.length ?? 0) - (m.payload ?? 0);
      }
    }
    this.records.push({ seq: ++this.seq, lane: lane.name, conn: conn.conn, kind: 'bytes', at: ns(this.now), dir, offset, n: at - offset, cost, messages,
      info: [conn.segments, conn.segments, conn.segments, conn.segments, 0, 50_000, 0], ...more });
  }

  mark(lane, conn, kind, more) {
    this.records.push({ seq: ++this.seq, lane: lane.name, conn: conn.conn, kind, at: ns(this.now), ...more });
  }

  client(lane, state, reason = '') {
    lane.state = state;
    const at = this.now;
    this.inbox.push(() => this.trace.laneState(lane.name, state, reason, at));
  }

  connect(lane) {
    if (lane.state === 'closed') this.client(lane, 'connecting');
    if (this.away) { // nobody listens: the tap sees nothing of it
      this.client(lane, 'connecting', 'the connection was refused');
      lane.failures = (lane.failures ?? 0) + 1;
      this.later(400 * 2 ** lane.failures * (0.6 + this.random() / 2.5), () => this.connect(lane));
      return;
    }
    const conn = { conn: ++this.conns, up: 0, down: 0, exchange: 0, segments: 3, opened: this.now };
    this.mark(lane, conn, 'open', { text: '127.0.0.1:5000 → 127.0.0.1:40003' });
    lane.conn = conn;
    this.faults.push({ lane: lane.name, at: ns(this.now), kind: 'opened', connection: conn.conn });
    this.later(0.5, () => this.ask(lane, conn));
  }

  /** ask sends a request that comes in after the delay. */
  ask(lane, conn) {
    if (conn.over) return;
    conn.exchange++;
    const exchange = conn.exchange;
    const path = { longpoll: '/longpoll?wait=25', httpstream: '/httpstream', sse: '/sse', websocket: '/websocket' }[lane.name];
    this.record(lane, conn, 'up', [{ kind: 'request', label: `GET ${path}`, id: lane.cursor === undefined ? undefined : `${this.epoch}-${lane.cursor}`, length: heads[lane.name][0], exchange }]);
    const offset = conn.up;
    this.later(lane.delay + 0.2, () => {
      if (conn.over || conn.silent) return;
      this.arrived.push({ conn: conn.conn, offset, at: ns(this.now) });
      lane.failures = 0;
      const first = lane.cursor === undefined;
      if (first) lane.cursor = lane.got = this.events;
      if (lane.name !== 'longpoll') {
        conn.streaming = true;
        this.send(lane, conn, [
          { kind: 'response', label: { websocket: '101 Switching Protocols', sse: '200 OK, text/event-stream', httpstream: '200 OK, application/x-ndjson' }[lane.name], length: heads[lane.name][1], exchange },
          { kind: 'control', topic: '$open', id: `${this.epoch}-${lane.cursor}`, label: '$open {"topics":null}', length: 60, payload: 40 },
        ]);
        this.later(15_000, () => this.beat(lane, conn));
      } else if (first || lane.state !== 'open') {
        conn.poll = exchange;
        this.answer(lane, conn);
        return;
      } else {
        conn.poll = exchange;
        this.later(25_000, () => conn.poll === exchange && this.answer(lane, conn));
      }
      this.offer(lane);
    });
  }

  beat(lane, conn) {
    if (conn.over) return;
    const messages = [{ kind: 'control', topic: '$beat', id: `${this.epoch}-${this.events}`, label: '$beat {}', length: 60, payload: 40 }];
    if (lane.name === 'sse') messages.unshift({ kind: 'comment', label: 'beat', length: 8 });
    if (lane.name === 'websocket') messages.push({ kind: 'ping', label: 'ping', length: 2 });
    this.send(lane, conn, messages);
    if (lane.name === 'websocket') this.later(2 * lane.delay + 1, () => !conn.over && this.record(lane, conn, 'up', [{ kind: 'pong', label: 'pong', length: 6 }]));
    this.later(15_000, () => this.beat(lane, conn));
  }

  /** offer sends what the lane does not have yet, if somebody asks for it. */
  offer(lane) {
    const { conn } = lane;
    if (!conn || conn.over || lane.cursor >= this.events) return;
    if (lane.name === 'longpoll') {
      if (conn.poll) this.answer(lane, conn);
    } else if (conn.streaming) {
      this.send(lane, conn, this.pending(lane));
    }
  }

  pending(lane) {
    const messages = [];
    if (lane.cursor < this.retained) {
      messages.push({ kind: 'control', topic: '$gap', id: `${this.epoch}-${this.retained}`, label: `$gap {"after":"${this.epoch}-${lane.cursor}","missed":${this.retained - lane.cursor}}`, length: 90, payload: 80 });
      lane.cursor = this.retained;
    }
    for (; lane.cursor < this.events; lane.cursor++) {
      messages.push({ kind: 'event', topic: 'lab', id: this.log[lane.cursor], label: `lab {"n":${lane.cursor + 1}}`, length: this.size + 50 + framing[lane.name], payload: this.size + 50 });
    }
    return messages;
  }

  answer(lane, conn) {
    const exchange = conn.poll;
    conn.poll = 0;
    const events = this.pending(lane);
    const open = lane.state !== 'open';
    this.send(lane, conn, [
      { kind: 'response', label: events.length ? '200 OK, application/json' : '204 No Content', id: `${this.epoch}-${this.events}`, length: heads.longpoll[1], exchange },
      ...events, { kind: 'end', label: 'the response is complete', exchange },
    ], () => {
      if (open) this.client(lane, 'open');
      this.later(1, () => this.ask(lane, conn));
    });
  }

  /** send writes messages at the server now; they cross the wire later, together. */
  send(lane, conn, messages, then) {
    const sent = ns(this.now + 0.05);
    for (const message of messages) message.sent = sent;
    const held = lane.buffer ? lane.buffer - (this.now % lane.buffer) : 0;
    if (held && !conn.heldSince) {
      conn.heldSince = this.now;
      this.faults.push({ lane: lane.name, at: ns(this.now), kind: 'held', connection: conn.conn, direction: 'down', bytes: 100, why: 'buffer' });
    }
    this.later(lane.delay + held + 0.3, () => {
      if (conn.over) return;
      if (conn.silent) {
        if (!conn.swallowed) this.faults.push({ lane: lane.name, at: ns(this.now), kind: 'swallowed', connection: conn.conn, direction: 'down', bytes: 120 });
        conn.swallowed = true;
        return;
      }
      if (held && conn.heldSince) {
        this.faults.push({ lane: lane.name, at: ns(this.now), kind: 'released', connection: conn.conn, direction: 'down', bytes: 700, for: ns(this.now - conn.heldSince) });
        conn.heldSince = 0;
      }
      this.record(lane, conn, 'down', messages);
      const at = this.now + 0.4 + this.random();
      const events = messages.filter(({ kind }) => kind === 'event').map(({ id, topic }) => ({ id, topic, at }));
      if (events.length) this.inbox.push(() => this.trace.received(lane.name, events));
      for (const { kind, topic } of messages) if (kind === 'control' && topic === '$open') this.client(lane, 'open');
      for (const { kind, id } of messages) if (kind === 'event') lane.got = Number(id.slice(id.lastIndexOf('-') + 1));
      then?.();
    });
  }

  // Faults

  /** cut ends a lane's connection: 'rst', 'fin' or 'blackhole'. The client notices a black hole after so long. */
  cut(name, how, notice = 8_000) {
    const lane = this.lanes.get(name);
    const { conn } = lane;
    this.faults.push({ lane: name, at: ns(this.now), kind: 'changed', why: `once: cut=${how}` });
    if (how === 'blackhole') {
      conn.silent = true;
      this.faults.push({ lane: name, at: ns(this.now), kind: 'silenced', connection: conn.conn, why: 'cut' });
      this.later(notice, () => {
        if (conn.over) return;
        conn.over = true;
        this.mark(lane, conn, 'close', { dir: 'up' });
        this.client(lane, 'connecting', `silent for ${notice / 1000} s`);
        lane.cursor = lane.got;
        this.later(300 + 200 * this.random(), () => this.connect(lane));
      });
      return;
    }
    conn.over = true;
    this.faults.push({ lane: name, at: ns(this.now), kind: 'closed', connection: conn.conn, for: ns(this.now - conn.opened), why: 'cut' });
    this.mark(lane, conn, how === 'rst' ? 'reset' : 'fin', { dir: 'down', text: how === 'rst' ? 'by us' : undefined });
    this.later(1, () => this.client(lane, 'connecting', how === 'rst' ? 'the connection was reset' : 'the body ended without $bye'));
    lane.cursor = lane.got;
    this.later(name === 'sse' ? 3000 : 300 + 400 * this.random(), () => this.connect(lane));
  }

  set(name, fault) {
    const lane = this.lanes.get(name);
    lane.delay = Number(/delay=(\d+)ms/.exec(fault)?.[1] ?? 0);
    lane.buffer = Number(/buffer=4KiB\/(\d+)s/.exec(fault)?.[1] ?? 0) * 1000;
    this.state.faults = { ...this.state.faults, [name]: fault };
    if (!fault) delete this.state.faults[name];
    this.faults.push({ lane: name, at: ns(this.now), kind: 'changed', why: fault });
  }

  /** restart takes the server away for a while; lost: its log too. */
  restart(ms, lost) {
    this.away = true;
    this.state.down = ns(this.now + ms);
    for (const lane of this.lanes.values()) {
      const { conn } = lane;
      if (!conn || conn.over) continue;
      conn.over = true;
      this.mark(lane, conn, 'reset', { dir: 'down', text: 'by us' });
      lane.cursor = lane.got;
      this.client(lane, 'connecting', lane.name === 'sse' ? 'EventSource does not say why' : 'the connection was reset');
      this.later(300 + 400 * this.random(), () => this.connect(lane));
    }
    this.later(ms, () => {
      this.away = false;
      this.state.down = 0;
      if (!lost) return;
      this.epoch = `${this.epoch.slice(0, 7)}z`;
      this.events = this.retained = 0;
      this.log = [];
      for (const lane of this.lanes.values()) lane.cursor = lane.got = 0;
    });
  }
}
