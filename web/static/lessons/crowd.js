/**
 * Clients that a lesson opens by itself, more of them than the page has lanes. A browser counts its connections by
 * host, so a host of its own (s1.sse.localhost, s2.sse.localhost …) makes a stream independent of the others.
 */

/** A Stream is an EventSource that does nothing but be open. state is 'waiting', 'open' or 'failed'. */
export class Stream {
  state = 'waiting';
  #source;

  constructor(url, { onchange } = {}) {
    this.began = performance.now();
    this.#source = new EventSource(url);
    this.#source.onopen = () => {
      this.state = 'open';
      onchange?.();
    };
    this.#source.onerror = () => {
      this.state = this.#source.readyState === EventSource.CLOSED ? 'failed' : 'waiting';
      onchange?.();
    };
  }

  close() {
    this.#source.close();
  }
}

/** A Socket is the same as a WebSocket. */
export class Socket {
  state = 'waiting';
  #socket;

  constructor(url, { onchange } = {}) {
    this.began = performance.now();
    this.#socket = new WebSocket(url.replace('http', 'ws'), 'pushlab.v1');
    this.#socket.onopen = () => {
      this.state = 'open';
      onchange?.();
    };
    this.#socket.onclose = () => {
      this.state = 'failed';
      onchange?.();
    };
  }

  close() {
    this.#socket.onopen = this.#socket.onclose = null;
    this.#socket.close();
  }
}

/**
 * A Returner reads a stream, and comes back when it was cut: after a time that delay() says, in milliseconds. What all
 * of a crowd of them do at once is a storm.
 */
export class Returner {
  state = 'waiting';
  #stop = new AbortController();

  constructor(url, delay) {
    this.#run(url, delay);
  }

  async #run(url, delay) {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const response = await fetch(url, { cache: 'no-store', signal });
        this.state = 'open';
        const reader = response.body.getReader();
        while (!(await reader.read()).done); // what comes does not matter here
      } catch {
        // It was cut, or we were told to stop.
      }
      this.state = 'waiting';
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, delay()));
    }
  }

  close() {
    this.#stop.abort();
  }
}
