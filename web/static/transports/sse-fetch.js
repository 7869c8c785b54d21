/**
 * Server-Sent Events once more, without EventSource: fetch, and every rule of the format in the open.
 *
 * Teaches: what EventSource does in silence. A parser of half a page, the id that travels back, the wait before the
 * next try. And what comes of owning them: a request with a method, headers and a body (EventSource can send none, so
 * no Authorization), a status that can be seen (503 is waited out, 404 is not asked again), a watchdog that hears
 * every byte, comments too.
 * Read: WHATWG HTML, 9.2.3 (when to reconnect), 9.2.5 (the grammar), 9.2.6 (what the fields mean); Encoding,
 * TextDecoder; RFC 9110, 10.2.3 (Retry-After).
 * Cannot: send anything upstream once the answer has begun; get through a proxy that keeps the answer until it is
 * complete; carry bytes, only text.
 *
 * It reads any server's stream. Options beside those in shared.js:
 *
 *   method, headers, body   as fetch takes them, sent anew with each try; hence no ReadableStream, which is sent once
 *   resumeBy   'query': the cursor goes into after=, so that a request to another origin needs no preflight;
 *              'header': into Last-Event-ID, which servers other than Pushlab read
 *   onmessage({ data, event, id })   every event that is not an envelope of Pushlab: three strings, as EventSource has
 *              them in data, type and lastEventId. An envelope goes to onevent or ongap, and nowhere else.
 *
 * A server that never beats needs silence: Infinity. The state 'closed' comes without close(), and for good, when to ask
 * again could not help; its reason says why.
 */
import { address, deliver, pause, refusal, watchdog } from './shared.js';

/**
 * A Parser turns the text of an event stream, in pieces cut anywhere, into events.
 *
 * The text has its byte order mark still; see the TextDecoder below. There is no limit to a line (SSE-15): who sets one
 * has to say what the stream is worth after it.
 */
export class Parser {
  /** What a client that reconnects has to send: the id of the last block that was complete. */
  lastEventId;
  /** The reconnection time in milliseconds that the server asked for last; it can be too great for a timer. */
  retry;

  #begun = false; // the first character was here
  #afterCR = false; // a line feed now belongs to the line end before it
  #line = ''; // the beginning of a line whose end has not come yet
  #data = ''; // the buffers of 9.2.6
  #event = '';
  #id;

  /**
   * A reconnected stream gets a parser of its own, which is told what outlives a connection. 9.2.6 empties the buffer
   * of the id for each stream. Browsers keep it, and so do we: else an event without an id would lose our place.
   */
  constructor({ lastEventId = '', retry } = {}) {
    this.lastEventId = this.#id = lastEventId;
    this.retry = retry;
  }

  /**
   * feed takes the next piece and returns the events that it completes.
   * At the end of the stream there is nothing to call, 9.2.6 (SSE-14): "any pending data must be discarded".
   */
  feed(text) {
    const events = [];
    if (text === '') return events;
    // 9.2.5 (SSE-02): stream = [ bom ] *event. One, and at the start only: any other is a character like all others.
    if (!this.#begun && text.startsWith('\uFEFF')) text = text.slice(1);
    this.#begun = true;
    // 9.2.5 (SSE-03): a line ends with CRLF, LF or CR. A CR ends it at once: an event is not held back to see what
    // follows.
    if (this.#afterCR && text.startsWith('\n')) text = text.slice(1);
    this.#afterCR = text.endsWith('\r');

    // Only what is new is searched: a line of many pieces would else be searched from its beginning for each of them.
    const lines = text.split(/\r\n|\r|\n/);
    lines[0] = this.#line + lines[0];
    this.#line = lines.pop();
    for (const line of lines) {
      if (line === '') this.#dispatch(events);
      else this.#field(line);
    }
    return events;
  }

  #field(line) {
    // 9.2.6 (SSE-04, SSE-06): the first colon parts name and value; without one, the line is a name; a colon in front
    // makes a comment.
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    // (SSE-05): "If value starts with a U+0020 SPACE character, remove it from value": one, and nothing but a space.
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    // (SSE-07): "Field names must be compared literally, with no case folding performed."
    switch (name) {
      case 'data':
        this.#data += `${value}\n`;
        break;
      case 'event':
        this.#event = value;
        break;
      case 'id':
        // (SSE-10): "If the field value does not contain U+0000 NULL": it could not come back in a header.
        if (!value.includes('\0')) this.#id = value;
        break;
      case 'retry':
        // (SSE-12): "Only ASCII digits": no sign, no fraction, not nothing. It counts at once, without an empty line.
        if (/^[0-9]+$/.test(value)) this.retry = Number(value);
        break;
      default: // "The field is ignored."
    }
  }

  #dispatch(events) {
    // 9.2.6 (SSE-11), "dispatch the event": the id counts first, also that of a block without data. Its buffer stays as
    // it is: the next event without an id has this one.
    this.lastEventId = this.#id;
    // (SSE-13): "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty
    // string": no event, but the type is gone. A field data without a value is not empty (SSE-08): it has left its line
    // feed.
    if (this.#data !== '') {
      events.push({ data: this.#data.slice(0, -1), event: this.#event || 'message', id: this.#id });
    }
    this.#data = this.#event = '';
  }
}

export function open(url, {
  topics = [], after = '', silence = 60_000, method = 'GET', headers, body, resumeBy = 'query',
  onevent, ongap, onstate, onmessage,
} = {}) {
  const stop = new AbortController();
  let readyState = 'connecting';
  let cursor = after;
  let retry = 1000; // milliseconds, until the server names a reconnection time
  let failures = 0; // tries since the last event

  function become(state, reason = '') {
    readyState = state;
    onstate?.(state, reason);
  }

  function end(reason) {
    if (readyState === 'closed') return;
    become('closed', reason);
    stop.abort();
  }

  function receive(message) {
    if (readyState === 'closed') return;
    failures = 0; // an answer alone proves little: a proxy can give it, and end it
    cursor = message.id; // Pushlab: of control events too, $beat keeps the cursor of a quiet stream fresh
    const envelope = unwrap(message);
    if (envelope) {
      deliver(envelope, { onevent, ongap });
      return;
    }
    try {
      onmessage?.(message);
    } catch (error) {
      reportError(error); // as deliver does: the stream goes on
    }
  }

  function request(signal) {
    const fields = new Headers(headers);
    if (!fields.has('Accept')) fields.set('Accept', 'text/event-stream');
    // 9.2.3 (SSE-23): the last event id is sent unless it is "the empty string", and "encoded as UTF-8".
    if (resumeBy === 'header' && cursor) fields.set('Last-Event-ID', utf8(cursor));
    const target = address(url, { topic: topics, after: resumeBy === 'query' ? cursor : '' });
    // 9.2.2 (SSE-20): "set request's cache mode to 'no-store'".
    return new Request(target, { method, headers: fields, body, signal, cache: 'no-store' });
  }

  /** read makes one request and returns why its body has ended; an answer that is no stream, or is cut, throws. */
  async function read() {
    const attempt = new AbortController();
    const dog = watchdog(silence, () => attempt.abort(new Error(`silent for ${silence / 1000} s`)));
    dog.feed();
    try {
      const response = await fetch(request(AbortSignal.any([stop.signal, attempt.signal])));
      if (readyState === 'closed') return ''; // 9.2.2 (SSE-25): meanwhile, and nothing is told after that
      check(response);
      cursor ||= response.headers.get('Pushlab-Cursor') ?? ''; // where the stream starts
      become('open');

      const reader = response.body.getReader();
      // 9.2.6 (SSE-01): UTF-8, whatever charset the type names, and what is no UTF-8 becomes U+FFFD.
      // ignoreBOM means "leave it in": the parser takes away the one that may be, and if both did, two could go.
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      const parser = new Parser({ lastEventId: cursor, retry });
      let reason = 'the body ended'; // 9.2.2 (SSE-22): which any server may do; Pushlab says $bye before
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return reason;
        dog.feed();
        // stream: the first bytes of a character wait in the decoder for the others.
        for (const message of parser.feed(decoder.decode(value, { stream: true }))) {
          if (message.event === '$bye') reason = 'the server said $bye'; // its block has a retry: field, too
          receive(message);
        }
        if (readyState === 'closed') return reason;
        cursor = parser.lastEventId; // can be ahead of the last event: a block of an id alone counts
        retry = parser.retry;
      }
    } finally {
      dog.stop();
      attempt.abort(); // nobody reads any more, if it was we who stopped
    }
  }

  /** delay says how long to wait, in milliseconds; asked is what Retry-After asked for. */
  function delay(asked = 0) {
    // 9.2.3 (SSE-23): wait "a delay equal to the reconnection time", then "optionally, wait some more": twice as long
    // after each failure, up to half a minute. 1: retry: 0 would never grow.
    const grown = Math.min(Math.max(retry, 1) * 2 ** failures++, Math.max(retry, 30_000));
    // The rest is chance, since all that lost the same server would come back in one instant.
    return Math.max(grown, asked) * (1 + Math.random() / 4);
  }

  async function run() {
    while (readyState !== 'closed') {
      let reason;
      let asked;
      try {
        reason = await read();
      } catch (error) {
        reason = error.message;
        asked = error.retry;
        if (error.final) end(reason);
      }
      if (readyState === 'closed') return;
      become('connecting', reason);
      await pause(delay(asked), stop.signal, Math.max(retry, asked ?? 0)); // the reconnection time, in any case
    }
  }
  request(); // throws for what can never be sent, which would else look like a network that is down
  run();

  return {
    get readyState() { return readyState; },
    get cursor() { return cursor; },
    close() { end(); },
  };
}

/** check throws unless the answer is an event stream; final says that to ask again could not help. */
function check(response) {
  const { status } = response;
  if (status !== 200) {
    // 9.2.2 (SSE-21): any other status fails for good. We see which, and are milder: what is overloaded, or out of order
    // behind its proxy (429, 5xx), gets better. 9.2.1: 204 tells a client to stop.
    const final = status !== 429 && status < 500;
    throw Object.assign(refusal(response), { final });
  }
  // 9.2.2 (SSE-21): any other type fails for good: whoever says 200 with a page of HTML is not whom we asked.
  const type = response.headers.get('Content-Type') ?? 'nothing';
  if (!/^text\/event-stream\s*(;|$)/i.test(type)) {
    throw Object.assign(new Error(`the answer is ${type}, no event stream`), { final: true });
  }
}

/** unwrap returns the envelope that an event of Pushlab has as its data. Only Pushlab says the id there once more. */
function unwrap({ data, id }) {
  if (!id || !data.startsWith(`{"id":"${id}","topic":"`)) return undefined;
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** utf8 returns text as a header takes it: one character for each byte of its UTF-8 (Web IDL, ByteString). */
function utf8(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}
