/**
 * The client of one lane, away from the page: while the page paints, this receives, so that painting does not show as
 * delay. The transports run here as they are; what they tell goes to the page in batches, at most one in 16 ms.
 *
 * In:  { do: 'open', transport, url, after, silence, wait } · 'close' · { do: 'publish', ref, by, url, data }
 *      · { do: 'stall', flag: Int32Array on shared memory } · { do: 'dispatch', type } for an event that only the page gets
 * Out: { ids, topics, times } of events, in order · { gap } · { state, reason, cursor, at } · { cursor } · { ref, … }
 *
 * Times are milliseconds of performance.timeOrigin + performance.now().
 */
import * as longpoll from '../transports/longpoll.js';
import * as httpstream from '../transports/httpstream.js';
import * as sse from '../transports/sse.js';
import * as sseFetch from '../transports/sse-fetch.js';
import * as websocket from '../transports/websocket.js';
import { local } from './clock.js';

const transports = { longpoll, httpstream, sse, 'sse-fetch': sseFetch, websocket };
const pause = 16; // milliseconds between two messages to the page

let connection;
let generation = 0; // connections that were told to close may still have a callback under way

let entries = []; // what the page has not been told, in order
let events; // the last of them, if it is a batch of events
let told = -Infinity; // when
let timer;

function flush() {
  timer = undefined;
  told = performance.now();
  const cursor = connection?.cursor;
  postMessage({ entries, cursor });
  entries = [];
  events = undefined;
}

function soon() {
  if (timer !== undefined) return;
  const wait = told + pause - performance.now();
  if (wait <= 0) flush();
  else timer = setTimeout(flush, wait);
}

function tell(entry) {
  entries.push(entry);
  events = undefined;
  soon();
}

function received({ id, topic }) {
  const at = local();
  if (!events) entries.push(events = { ids: [], topics: [], times: [] });
  events.ids.push(id);
  events.topics.push(topic);
  events.times.push(at);
  soon();
}

// A heartbeat moves the cursor of a quiet stream, and no callback tells.
let shown = '';
setInterval(() => {
  const cursor = connection?.cursor ?? '';
  if (cursor === shown) return;
  shown = cursor;
  soon();
}, 1000);

const commands = {
  open({ transport, url, after, silence, wait }) {
    const mine = ++generation;
    connection?.close();
    const current = (callback) => (...values) => {
      if (mine === generation) callback(...values);
    };
    const options = {
      after: connection?.cursor || after, // ours is newer: the page may not have heard of all
      onevent: current(received),
      ongap: current((gap) => tell({ gap, at: local() })),
      // The first call can come before open has returned.
      onstate: current((state, reason) => tell({ state, reason, at: local(), cursor: connection?.cursor })),
    };
    if (silence !== undefined) options.silence = silence;
    if (wait !== undefined) options.wait = wait;
    connection = undefined;
    connection = transports[transport].open(url, options);
  },

  close() {
    generation++; // the page has said so itself
    connection?.close();
  },

  async publish({ ref, by, url, data }) {
    const began = performance.now();
    try {
      const id = by === 'frame' ? await connection.publish('', data) : await post(url, data);
      postMessage({ ref, id, ms: performance.now() - began, began: performance.timeOrigin + began });
    } catch (error) {
      postMessage({ ref, error: error.message });
    }
  },

  /** A thread that sleeps reads nothing, as one that has too much to do. The page wakes it. */
  stall({ flag }) {
    if (timer !== undefined) {
      clearTimeout(timer);
      flush();
    }
    Atomics.wait(flag, 0, 1);
  },

  dispatch({ type }) {
    dispatchEvent(new Event(type));
  },
};

async function post(url, data) {
  const response = await fetch(url, { method: 'POST', body: data, signal: AbortSignal.timeout(30_000) }); // a string is text/plain
  if (response.status === 201) return (await response.json()).id;
  const problem = response.headers.get('Content-Type')?.includes('json') ? await response.json() : {};
  throw new Error(problem.detail ?? `HTTP ${response.status}`);
}

onmessage = ({ data }) => commands[data.do](data);
