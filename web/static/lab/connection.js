/**
 * A connection as the trace knows it: when it was open, how it ended, what was asked on it, and when what the client
 * sent came to the server. Times are milliseconds on the lab's clock.
 */
export class Connection {
  conn; // its number at the tap
  lane;
  opened;
  known = true; // whether it was seen opening; one from before the trace was there already
  closed; // no byte can come any more
  ending; // 'fin', 'reset', 'error' or 'close': the first thing that told of its end
  endedBy; // 'up' or 'down': whose end came first; of a reset, undefined
  why; // what the fault proxy says of the end, as "cut" or "idle"
  refused; // it came, and was reset at once
  silenced; // since when it passes nothing any more, though it is open
  #info = [0, 0, 0, 0, 0]; // what the kernel had counted when it was asked last
  #asked = new Map(); // exchange → its request
  #waiting = []; // what the client has sent and the server does not have yet, in order
  #arrivals = []; // [offset, at]: bytes before the offset were at the server at that time; the latest few

  constructor(conn, lane, opened) {
    this.conn = conn;
    this.lane = lane;
    this.opened = opened;
  }

  /** end notes the first sign of an end. */
  end(kind, at, dir) {
    this.ending ??= kind;
    this.endedBy ??= kind === 'fin' ? dir : undefined;
    this.closed = Math.min(this.closed ?? Infinity, at);
  }

  /** ask notes a request, and sent anything that the client sends. */
  ask(item) {
    this.#asked.set(item.exchange, item);
    if (this.#asked.size > 64) this.#asked.delete(this.#asked.keys().next().value);
  }

  request(exchange) {
    return this.#asked.get(exchange);
  }

  sent(item) {
    const end = item.offset + item.length;
    const arrival = this.#arrivals.find(([offset]) => offset >= end);
    if (arrival) item.sent = Math.max(arrival[1], item.at);
    else if (this.#waiting.push(item) > 256) this.#waiting.shift(); // a black hole takes any number
  }

  /** arrived tells that the server has all bytes before an offset. It returns the items that are complete by it. */
  arrived(offset, at) {
    this.#arrivals.push([offset, at]);
    if (this.#arrivals.length > 32) this.#arrivals.shift();
    let n = 0;
    while (n < this.#waiting.length && this.#waiting[n].offset + this.#waiting[n].length <= offset) {
      this.#waiting[n].sent = Math.max(at, this.#waiting[n].at);
      n++;
    }
    return this.#waiting.splice(0, n);
  }

  /** counted returns by how much the kernel's counters grew: segments out and in, with data out and in, repeated. */
  counted(info) {
    const grown = this.#info.map((before, i) => Math.max(0, info[i] - before));
    this.#info = info.slice(0, this.#info.length);
    return grown;
  }
}
