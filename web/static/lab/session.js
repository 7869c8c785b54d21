/**
 * A lab: a whole server of this page's own, with a log, a port for each lane, a proxy that breaks things, and a tap
 * before it. This is the page's end of it: commands go by POST, what happens comes by WebSocket, since that is outside
 * the six connections that a browser opens to a host.
 *
 * Events: 'batch' (detail: what happened, as the server sends it), 'gap' (this page was too slow to hear all of it),
 * 'state' (the lab's settings changed), 'link' (the observer connected or lost its connection), 'record' (detail: one
 * that was asked for), 'gone' (the server no longer knows the lab).
 */
import { open as observe } from '../transports/websocket.js';
import { Clock } from './clock.js';

const recordsKept = 400;

export class Lab extends EventTarget {
  description;
  state;
  clock;
  link = 'connecting';
  host = 'named'; // 'named': each lane is <lane>.localhost; 'plain': localhost, where names below it are unknown
  archive; // the records of an imported trace, while one is shown: Map seq → record
  #observer;
  #kinds;
  #records = new Map(); // seq → what the server said about it
  #gone = false;

  /** open makes a lab. It fails with what the server has to say. */
  static async open() {
    const response = await fetch('/lab', { method: 'POST' });
    if (!response.ok) throw await problem(response);
    return new Lab(await response.json());
  }

  constructor(description) {
    super();
    this.description = description;
    this.state = description.state;
    this.clock = new Clock(async () => (await this.#get('clock')).now / 1e6);
  }

  /** start begins to listen, from the lab's first moment on. */
  start() {
    this.#observer = observe(this.#path('observe'), {
      after: 'earliest',
      onevent: ({ data }) => this.#batch(data),
      ongap: ({ data }) => this.#tell('gap', data),
      onstate: (state) => {
        this.link = state;
        this.#tell('link', state);
        if (state === 'connecting') this.#check();
      },
    });
    this.clock.start().catch(() => {}); // without an answer the clock goes by what the batches say
  }

  /** stop ends everything on this side; the lab itself ends by end(), or when nobody observes it. */
  stop() {
    this.#gone = true;
    this.#observer?.close();
    this.clock.stop();
  }

  end() {
    this.stop();
    return fetch(this.#path(), { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  get id() { return this.description.id; }

  /** initial is the state that the server gave the lab when it was made; state is the one of now. */
  get initial() { return this.description.state; }

  /** now is the lab's time in milliseconds; uncertainty is how wrong it can be. */
  now() { return this.clock.now(); }
  get uncertainty() { return this.clock.uncertainty; }

  /** command does something in the lab. Bytes go as they are, all else as JSON. It fails with what the server says. */
  async command(path, body = {}) {
    const bytes = typeof body === 'string' || body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body);
    const response = await fetch(this.#path(path), {
      method: 'POST',
      headers: { 'Content-Type': bytes ? 'application/octet-stream' : 'application/json' },
      body: bytes ? body : JSON.stringify(body),
    });
    if (!response.ok) {
      const error = await problem(response);
      if (error.status === 403 || error.status === 404) this.#check();
      throw error;
    }
    const answer = response.status === 204 ? null : await response.json();
    if (answer?.source) this.#become(answer);
    return answer;
  }

  /** record returns a record with its bytes and what they mean. It fails if the lab no longer keeps it. */
  async record(seq) {
    let record = (this.archive ?? this.#records).get(seq);
    if (!record && this.archive) throw new Error('this trace was saved without the bytes of this record');
    if (!record) {
      record = await this.#get(`records/${seq}`);
      this.#records.set(seq, record);
      if (this.#records.size > recordsKept) this.#records.delete(this.#records.keys().next().value);
      this.#tell('record', { seq, record });
    }
    return record;
  }

  /** kinds explains all that a byte can be. */
  kinds() {
    this.#kinds ??= fetch('/lab/kinds').then(async (response) => {
      if (!response.ok) throw await problem(response);
      return new Map((await response.json()).map((kind) => [kind.key, kind]));
    });
    return this.#kinds;
  }

  /**
   * laneURL is where a lane's server answers. Each lane has a host of its own, so that none waits for the others'
   * connections; same gives all of them one host. host is a further name before the lane's, for more hosts. h2 is the
   * one door for all lanes where HTTP/2 is spoken: under one name, since a browser asks about a certificate by name.
   */
  laneURL(lane, path = `/${lane}`, { same = false, host = '', h2 = false } = {}) {
    if (h2) return `https://localhost:${this.description.h2.port}${path}`;
    const name = same || this.host === 'plain' ? 'localhost' : `${host ? `${host}.` : ''}${lane}.localhost`;
    return `http://${name}:${this.description.lanes[lane].port}${path}`;
  }

  /** trusted tells whether the browser takes the certificate of the door for HTTP/2, which nobody vouches for. */
  async trusted() {
    try {
      await fetch(this.laneURL('', '/healthz', { h2: true }), { cache: 'no-store' });
      return true;
    } catch {
      return false;
    }
  }

  /** ports are all that the browser must reach beside the page's own. */
  get ports() {
    return Object.values(this.description.lanes).map(({ port }) => port);
  }

  #path(path = '') {
    return `/lab/${this.id}${path && `/${path}`}`;
  }

  async #get(path) {
    const response = await fetch(this.#path(path));
    if (!response.ok) throw await problem(response);
    return response.json();
  }

  #batch(batch) {
    this.clock.hint(batch.now / 1e6);
    if (batch.state) this.#become(batch.state);
    this.#tell('batch', batch);
  }

  #become(state) {
    this.state = state;
    this.#tell('state', state);
  }

  /** #check finds out whether the server is away, or the lab. */
  async #check() {
    try {
      const response = await fetch(this.#path());
      if (this.#gone || response.ok || (response.status !== 404 && response.status !== 403)) return;
    } catch {
      return; // the server cannot be reached; the observer tries again, and asks again
    }
    this.stop();
    this.#tell('gone');
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** problem makes an error of a refusal. RFC 9457: detail is written for the person who has to mend the request. */
export async function problem(response) {
  const json = response.headers.get('Content-Type')?.includes('json');
  const { detail, title } = json ? await response.json().catch(() => ({})) : {};
  return Object.assign(new Error(detail ?? title ?? `HTTP ${response.status} ${response.statusText}`.trim()), { status: response.status });
}
