/**
 * What the transport modules share: where to ask, when to try again, when to give up, and whom to tell.
 *
 * Every transport module exports open(url, options) and hides how it brings the events:
 *
 *   options   topics    [] = all
 *             after     the cursor to resume from; '' = from now
 *             silence   milliseconds without a sign of life after which a connection counts as dead; Infinity = never
 *             onevent(envelope), ongap(envelope)
 *             onstate(state, reason)   state is 'connecting', 'open' or 'closed'; reason says why it is no longer open
 *   result    close(), readyState (one of these states), cursor (the id to resume from)
 *
 * Until close(), a lost connection is 'connecting' again, and resumes. After close(), nothing is delivered; it may be
 * called in a callback.
 */

/**
 * address puts the subscription into the query. Headers such as Last-Event-ID and Prefer would turn a request to
 * another origin into one that needs a preflight (Fetch, "CORS-safelisted request-header").
 */
export function address(url, query) {
  const result = new URL(url, location.href);
  for (const [name, values] of Object.entries(query)) {
    for (const value of [values].flat()) {
      if (value !== '') result.searchParams.append(name, value);
    }
  }
  return result;
}

/** deliver hands an envelope to the callback it is meant for. A callback that throws is reported; the stream goes on. */
export function deliver(envelope, { onevent, ongap }) {
  try {
    if (envelope.topic === '$gap') ongap?.(envelope);
    else if (!envelope.topic.startsWith('$')) onevent?.(envelope);
  } catch (error) {
    reportError(error);
  }
}

// A timer holds 31 bits of milliseconds, 24 days. One that is set to more fires at once.
const longestTimer = 2 ** 31 - 1;

/**
 * Backoff says how long to wait before the next try: as long as the server asked, or else twice as long after each
 * failure. It is never the same for two clients, since all that lost the same server would come back in one instant:
 * RFC 6455, 7.2.3 (WS-13).
 */
export class Backoff {
  #failures = 0;

  /**
   * next returns milliseconds; asked is what the server asked for, if it did: the wait is not shorter than that. 0 asks
   * for nothing: without a wait of our own, a server in trouble would be asked as fast as it can refuse.
   */
  next(asked) {
    if (asked > 0) return asked * (1 + Math.random() / 4);
    const longest = Math.min(500 * 2 ** this.#failures++, 30_000);
    return longest * (0.5 + Math.random() / 2);
  }

  reset() {
    this.#failures = 0;
  }
}

/** retryAfter reads the header of that name (RFC 9110, 10.2.3) in milliseconds; undefined without one. */
export function retryAfter(response) {
  const value = response.headers.get('Retry-After');
  if (!value) return undefined;
  return /^\d+$/.test(value) ? 1000 * value : Math.max(0, Date.parse(value) - Date.now()) || undefined;
}

/** refusal is the error for an answer that is not the expected one; its retry is what the server asked us to wait. */
export function refusal(response) {
  return Object.assign(new Error(`HTTP ${response.status}`), { retry: retryAfter(response) });
}

/**
 * schedule has the next try made after ms, or as soon as the network is back: tries that failed for want of one say nothing
 * about the next (HTML, "online"; 9.2.3 advises it for EventSource). What the server asked for, least of these milliseconds,
 * is waited out all the same: it says when the server is ready, not the network. It returns a function that calls it off.
 */
export function schedule(ms, next, least = 0) {
  const earliest = performance.now() + least;
  let timer;
  function set(wait) {
    clearTimeout(timer);
    timer = setTimeout(end, Math.min(wait, longestTimer));
  }
  function hurry() {
    set(Math.max(0, earliest - performance.now()));
  }
  function cancel() {
    clearTimeout(timer);
    removeEventListener('online', hurry);
  }
  function end() {
    cancel();
    next();
  }
  addEventListener('online', hurry);
  set(ms);
  return cancel;
}

/** pause waits as schedule does; an abort of the signal ends it early. */
export async function pause(ms, signal, least) {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    const cancel = schedule(ms, done, least);
    function done() {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}

/**
 * watchdog calls bark when nobody fed it for so long. A connection whose other end vanished without a word looks like
 * a quiet one for ever: only the missing heartbeat tells them apart.
 */
export function watchdog(ms, bark) {
  let timer;
  return {
    feed() {
      clearTimeout(timer);
      timer = setTimeout(bark, Math.min(ms, longestTimer));
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
