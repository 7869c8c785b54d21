/**
 * HTTP streaming: one answer that never ends, read while it grows.
 *
 * Teaches: a body is a stream of bytes, not of messages. Chunks are cut where a proxy or the network likes, also in the
 * middle of a character, so the messages need a frame of their own: here a line of JSON each (NDJSON). And an end needs
 * a word of its own: a body that just stops was cut, one that stops after $bye was ended.
 * Read: RFC 6202, 3 (HTTP streaming); RFC 9112, 7.1 (chunks) and 8 (incomplete messages); Fetch, "body"; Encoding,
 * TextDecoder "stream".
 * Cannot: reconnect or resume by itself (all of that is below); send anything upstream; get through a proxy that keeps
 * the answer until it is complete.
 */
import { Backoff, address, deliver, pause, refusal, watchdog } from './shared.js';

export function open(url, { topics = [], after = '', silence = 60_000, onevent, ongap, onstate } = {}) {
  const stop = new AbortController();
  const backoff = new Backoff();
  let readyState = 'connecting';
  let cursor = after;
  let retry; // milliseconds, once the server has said $bye

  function become(state, reason = '') {
    readyState = state;
    onstate?.(state, reason);
  }

  function receive(envelope) {
    if (readyState === 'closed') return;
    cursor = envelope.id; // of control events too: $beat keeps the cursor of a quiet stream fresh
    if (envelope.topic === '$open') {
      backoff.reset();
      become('open');
    } else if (envelope.topic === '$bye') {
      retry = envelope.data.retry;
    } else {
      deliver(envelope, { onevent, ongap });
    }
  }

  /** read makes one request and returns when its body has ended with a goodbye; every other end throws. */
  async function read() {
    const attempt = new AbortController();
    const dog = watchdog(silence, () => attempt.abort(new Error(`silent for ${silence / 1000} s`)));
    dog.feed();
    try {
      const response = await fetch(address(url, { topic: topics, after: cursor }), {
        cache: 'no-store',
        signal: AbortSignal.any([stop.signal, attempt.signal]),
      });
      if (response.status !== 200) throw refusal(response);

      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      let rest = ''; // the beginning of a line whose end has not come yet
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        dog.feed();
        // stream: the first bytes of a character wait in the decoder for the others.
        const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
        rest = lines.pop();
        for (const line of lines) receive(JSON.parse(line));
      }
      if (retry === undefined) throw new Error('the body ended without $bye');
    } finally {
      dog.stop();
      attempt.abort(); // nobody reads any more, if it was we who stopped
    }
  }

  async function run() {
    while (readyState !== 'closed') {
      retry = undefined;
      let reason = 'the server said $bye';
      try {
        await read();
      } catch (error) {
        reason = error.message;
        retry ??= error.retry;
      }
      if (readyState === 'closed') return;
      become('connecting', reason);
      await pause(backoff.next(retry), stop.signal, retry);
    }
  }
  run();

  return {
    get readyState() { return readyState; },
    get cursor() { return cursor; },
    close() {
      if (readyState === 'closed') return;
      become('closed');
      stop.abort();
    },
  };
}
