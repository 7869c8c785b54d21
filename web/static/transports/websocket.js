/**
 * WebSocket: the connection stops speaking HTTP, and both sides may talk at any time.
 *
 * Teaches: messages, not bytes, in both directions over one connection, outside the six that a browser opens per host.
 * What SSE has built in is ours to do: the cursor, the reconnect, the wait before it. Since answers no longer belong to
 * requests, a message that wants one carries a ref of our choice, and the answer repeats it.
 * Read: RFC 6455, 1.9 (subprotocols), 7.2.3 (reconnecting) and 7.4 (close codes); WHATWG WebSockets, 3.1.
 * Cannot: set a request header; see why a handshake failed (code 1006 and nothing else); see pings, so only $beat shows
 * that a quiet connection lives; hold the sender back when we read too slowly.
 */
import { Backoff, address, deliver, schedule, watchdog } from './shared.js';

export function open(url, { topics = [], after = '', silence = 60_000, onevent, ongap, onstate } = {}) {
  const backoff = new Backoff();
  const waiting = new Map(); // ref → the promise of publish that its answer settles
  let readyState = 'connecting';
  let cursor = after;
  let refs = 0;
  let retry; // milliseconds, once the server has said $bye
  let socket;
  let cancel; // calls the next try off
  const dog = watchdog(silence, () => renew(`silent for ${silence / 1000} s`));

  function become(state, reason = '') {
    readyState = state;
    onstate?.(state, reason);
  }

  function receive(envelope) {
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

  function answer({ op, ref, id, error }) {
    if (op === 'ack') waiting.get(ref)?.resolve(id);
    else if (op === 'error') waiting.get(ref)?.reject(new Error(error));
    waiting.delete(ref);
  }

  function connect() {
    retry = undefined;
    const target = address(url, { topic: topics, after: cursor });
    target.protocol = target.protocol.replace('http', 'ws');
    socket = new WebSocket(target, 'pushlab.v1');
    socket.onmessage = ({ data }) => {
      if (readyState === 'closed') return;
      dog.feed();
      const message = JSON.parse(data);
      if ('op' in message) answer(message);
      else receive(message);
    };
    socket.onclose = ({ code, reason }) => renew(`closed with ${code} ${reason}`.trim());
    dog.feed();
  }

  function drop() {
    // Closing takes a last exchange with the other end, which may be gone: do not wait for onclose.
    socket.onmessage = socket.onclose = null;
    socket.close();
    dog.stop();
    for (const { reject } of waiting.values()) reject(new Error('the connection closed before the answer came'));
    waiting.clear();
  }

  function renew(reason) {
    drop();
    cancel = schedule(backoff.next(retry), connect, retry); // first, since who is told below may call close()
    become('connecting', reason);
  }
  connect();

  return {
    get readyState() { return readyState; },
    get cursor() { return cursor; },
    /** publish sends an event upstream and promises its id. */
    publish(topic, data) {
      return new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN) throw new Error('the WebSocket is not open');
        const ref = String(++refs);
        waiting.set(ref, { resolve, reject });
        socket.send(JSON.stringify({ op: 'publish', ref, topic: topic || undefined, data }));
      });
    },
    close() {
      if (readyState === 'closed') return;
      drop();
      cancel?.();
      become('closed');
    },
  };
}
