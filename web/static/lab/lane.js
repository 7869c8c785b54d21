/**
 * A lane: one transport on the page, its client in a worker, and the ledger that checks what it brings.
 *
 * Events: 'received' (detail: [{ id, topic, at }], times of the lab's clock), 'state' (detail: { state, reason, at }),
 * 'gap' (detail: the envelope), 'change' after each of them.
 */
import { Ledger } from '../ledger.js';
import { local } from './clock.js';

/** lanes are all of them, in the order in which they are shown. */
export const lanes = [
  { name: 'longpoll', title: 'Long polling', letter: 'L' },
  { name: 'httpstream', title: 'HTTP streaming', letter: 'H' },
  { name: 'sse', title: 'Server-Sent Events', letter: 'S' },
  { name: 'websocket', title: 'WebSocket', letter: 'W' },
];

const answerTime = 30_000; // for what is published, by its own connection

export class LaneClient extends EventTarget {
  name;
  title;
  letter;
  state = 'closed';
  reason = '';
  cursor = '';
  client; // 'EventSource' or 'fetch', for the lane that has both
  stalled = false;
  h2 = false;
  ledger = new Ledger();
  #lab;
  #worker;
  #options = {};
  #flag; // 1: the worker sleeps
  #refs = 0;
  #waiting = new Map(); // ref → the promise of publish

  constructor(lab, { name, title, letter }) {
    super();
    this.#lab = lab;
    Object.assign(this, { name, title, letter });
    if (name === 'sse') this.client = 'EventSource';
    // Chromium tells a page, but not its workers, when the network goes and when it is back.
    for (const type of ['offline', 'online']) addEventListener(type, () => this.#worker?.postMessage({ do: 'dispatch', type }));
  }

  /** open connects, and resumes after the last event that came, if there was one. */
  open() {
    this.#worker ??= this.#hire();
    this.#become('connecting', '', local());
    this.#worker.postMessage({
      do: 'open',
      transport: this.client === 'fetch' ? 'sse-fetch' : this.name,
      url: this.url,
      after: this.cursor,
      ...this.#options,
    });
  }

  close() {
    if (this.stalled) this.#dismiss(); // it would not hear
    else this.#worker?.postMessage({ do: 'close' });
    this.#become('closed', '', local());
  }

  /** end closes for good, at once. */
  end() {
    this.#dismiss();
    this.state = 'closed';
  }

  /** reset forgets what came, and starts anew from now. */
  reset() {
    this.#dismiss();
    this.ledger = new Ledger();
    this.cursor = this.reason = '';
    this.#options = {};
    this.h2 = false;
    if (this.client) this.client = 'EventSource';
    this.open();
  }

  /** use chooses the client of a lane that has two. The new one goes on where the other was. */
  use(client) {
    this.client = client;
    this.#again();
  }

  /** set changes how the client behaves: silence and wait, as the transports take them. */
  set(options) {
    Object.assign(this.#options, options);
    this.#again();
  }

  /** over2 asks for HTTP/2, or HTTP/1.1 again. */
  over2(h2) {
    this.h2 = h2;
    this.#again();
  }

  get options() { return { ...this.#options }; }
  get url() { return this.#lab.laneURL(this.name, `/${this.name}`, { h2: this.h2 }); }

  /** publish sends text upstream: over its own connection where that goes both ways, or else by a request. */
  publish(data) {
    const by = this.name === 'websocket' ? 'frame' : 'post';
    if (!this.#worker) return Promise.reject(new Error(`${this.title} is not started`));
    return new Promise((resolve, reject) => {
      const ref = ++this.#refs;
      const timer = setTimeout(() => {
        this.#waiting.delete(ref);
        reject(new Error('no answer in half a minute'));
      }, answerTime);
      this.#waiting.set(ref, {
        resolve: (answer) => { clearTimeout(timer); resolve({ ...answer, by }); },
        reject: (error) => { clearTimeout(timer); reject(error); },
      });
      this.#worker.postMessage({ do: 'publish', ref, by, data, url: this.#lab.laneURL(this.name, '/publish') });
    });
  }

  /** stall has the client read nothing, or read again. It returns false where the browser does not let it. */
  stall(on) {
    if (!globalThis.crossOriginIsolated || !this.#worker) return false;
    if (on === this.stalled) return true;
    this.stalled = on;
    if (on) {
      this.#flag = new Int32Array(new SharedArrayBuffer(4));
      this.#flag[0] = 1;
      this.#worker.postMessage({ do: 'stall', flag: this.#flag });
    } else {
      Atomics.store(this.#flag, 0, 0);
      Atomics.notify(this.#flag, 0);
    }
    this.#tell('change');
    return true;
  }

  #again() {
    if (this.state === 'closed') return this.#tell('change');
    this.close();
    this.open();
  }

  #hire() {
    const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module', name: this.name });
    worker.onmessage = ({ data }) => {
      if (data.ref) this.#answer(data);
      else this.#told(data);
    };
    worker.onerror = (event) => this.#become('closed', event.message ?? 'its worker did not start', local());
    return worker;
  }

  #dismiss() {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.stalled = false;
    for (const { reject } of this.#waiting.values()) reject(new Error('the lane was stopped'));
    this.#waiting.clear();
  }

  #answer({ ref, id, ms, began, error }) {
    const waiting = this.#waiting.get(ref);
    this.#waiting.delete(ref);
    if (error !== undefined) waiting?.reject(new Error(error));
    else waiting?.resolve({ id, ms, began: began + this.#lab.clock.offset });
  }

  #told({ entries, cursor }) {
    const { offset } = this.#lab.clock;
    for (const entry of entries) {
      if (entry.ids) {
        const events = entry.ids.map((id, i) => ({ id, topic: entry.topics[i], at: entry.times[i] + offset }));
        for (const event of events) this.ledger.event(event);
        this.#tell('received', events);
      } else if (entry.gap) {
        this.ledger.gap(entry.gap);
        this.#tell('gap', entry.gap);
      } else {
        if (entry.state === 'open' && entry.cursor) this.ledger.start(entry.cursor);
        // close() has said so already; what the worker says late is about the connection before.
        if (this.state !== 'closed') this.#become(entry.state, entry.reason, entry.at);
      }
    }
    if (cursor) this.cursor = cursor;
    this.#tell('change');
  }

  #become(state, reason, at) {
    if (state === this.state && !reason) return;
    this.state = state;
    if (reason) this.reason = reason;
    this.#tell('state', { state, reason, at: at + this.#lab.clock.offset });
    this.#tell('change');
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
