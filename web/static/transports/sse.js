/**
 * Server-Sent Events: the answer that never ends, in a format that every browser knows.
 *
 * Teaches: how little is left to do. EventSource splits the stream into events, remembers the last id, reconnects after
 * the time that the server's retry: field names, and resumes with the header Last-Event-ID, all by itself.
 * Read: WHATWG HTML, 9.2.2 (EventSource), 9.2.3 (when it reconnects, and when it fails for good), 9.2.6 (fields).
 * Cannot: set a request header or see a status; reconnect after an answer other than 200 (it is CLOSED, and we have to
 * make a new one); be hurried, when the network is back, in a wait of its own; notice that the other end vanished without a
 * word; send anything upstream; carry bytes, only text.
 */
import { Backoff, address, deliver, schedule, watchdog } from './shared.js';

export function open(url, { topics = [], after = '', silence = 60_000, onevent, ongap, onstate } = {}) {
  const backoff = new Backoff();
  let readyState = 'connecting';
  let cursor = after;
  let source;
  let cancel; // calls the next try off
  const dog = watchdog(silence, () => renew(`silent for ${silence / 1000} s`));

  function become(state, reason = '') {
    readyState = state;
    onstate?.(state, reason);
  }

  function receive({ data }) {
    if (readyState === 'closed') return;
    dog.feed();
    const envelope = JSON.parse(data);
    cursor = envelope.id; // EventSource keeps it as well, but only for as long as it lives
    if (envelope.topic === '$open') {
      backoff.reset();
      become('open');
    } else {
      // $bye needs no code: its block has a retry: field, and EventSource obeys it.
      deliver(envelope, { onevent, ongap });
    }
  }

  function connect() {
    // On its own reconnects EventSource asks for the same address again; the newer cursor is in Last-Event-ID,
    // which wins over the one in the query.
    source = new EventSource(address(url, { topic: topics, after: cursor }));
    source.onmessage = receive; // events without a name: all topics
    for (const name of ['$open', '$beat', '$gap', '$bye']) source.addEventListener(name, receive);
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) renew('the answer was no event stream');
      else become('connecting', 'EventSource does not say why');
    };
    dog.feed();
  }

  /** renew replaces an EventSource that is of no use any more. */
  function renew(reason) {
    source.close();
    dog.stop();
    cancel = schedule(backoff.next(), connect); // first, since who is told below may call close()
    become('connecting', reason);
  }
  connect();

  return {
    get readyState() { return readyState; },
    get cursor() { return cursor; },
    close() {
      if (readyState === 'closed') return;
      source.close();
      dog.stop();
      cancel?.();
      become('closed');
    },
  };
}
