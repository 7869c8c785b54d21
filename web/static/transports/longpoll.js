/**
 * Long polling: ask, and let the server hold the question until it has something to say; then ask again.
 *
 * Teaches: a stream made of ordinary requests. Each answer brings all events since the cursor and the cursor to ask
 * with next, so nothing is lost between two polls, and no state is kept for us on the server.
 * Read: RFC 6202, 2 (long polling) and 5.5 (time-outs); RFC 9110, 10.2.3 (Retry-After); Fetch, "cache mode".
 * Cannot: bring an event sooner than one round trip after the previous answer; send anything upstream (use POST);
 * be cheap for single events, since each costs a whole request with its headers.
 */
import { Backoff, address, deliver, pause, refusal, retryAfter } from './shared.js';

export function open(url, { topics = [], after = '', wait = 25, silence = 10_000, onevent, ongap, onstate } = {}) {
  const stop = new AbortController();
  const backoff = new Backoff();
  let readyState = 'connecting';
  let cursor = after;

  function become(state, reason = '') {
    readyState = state;
    onstate?.(state, reason);
  }

  function receive(envelope) {
    if (readyState === 'closed') return;
    cursor = envelope.id;
    deliver(envelope, { onevent, ongap });
  }

  /** poll asks once. It returns the milliseconds to wait before the next poll, if the server asked for a pause. */
  async function poll() {
    // wait=0 is answered at once. It is the handshake: the first one tells us the cursor to start from,
    // and after a failure it tells us that the server is back.
    const seconds = readyState === 'open' ? wait : 0;
    const response = await fetch(address(url, { topic: topics, after: cursor, wait: seconds }), {
      // A browser lets only one of several equal requests that it may cache go out at a time.
      cache: 'no-store',
      // An answer that is long overdue will not come any more. There is no heartbeat: silence counts from when it is due.
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(Math.min(1000 * seconds + silence, 2 ** 31 - 1))]),
    });
    if (response.status !== 200 && response.status !== 204) throw refusal(response);
    // 204 has no body: the cursor is in the header.
    const answer = response.status === 200 ? await response.json()
      : { events: [], cursor: response.headers.get('Pushlab-Cursor') };
    if (!answer.cursor) throw new Error('an answer without a cursor');
    if (readyState === 'closed') return undefined;

    cursor ||= answer.cursor; // after the handshake: we start from here
    backoff.reset();
    if (readyState !== 'open') become('open');
    answer.events.forEach(receive);
    if (readyState === 'closed') return undefined;
    cursor = answer.cursor; // can be ahead of the last event: the topics that we did not ask for went on
    return retryAfter(response); // answer.more needs no code: the next poll is answered at once
  }

  async function run() {
    while (readyState !== 'closed') {
      let asked;
      try {
        asked = await poll();
        if (asked === undefined) continue;
        become('connecting', 'the server is leaving');
      } catch (error) {
        if (readyState === 'closed') return;
        become('connecting', error.message);
        asked = error.retry;
      }
      await pause(backoff.next(asked), stop.signal, asked);
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
