/**
 * A short poller: asks, takes what there is, and asks again some time later. That is all there is to it, and what is
 * wrong with it: between two questions nobody listens.
 */
export class Poller {
  cursor = '';
  #app;
  #timer;
  #asking = false;
  #own = new AbortController();

  constructor(app) {
    this.#app = app;
  }

  /** every asks each so many seconds from now on; 0 stops. */
  every(seconds) {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (!seconds) return;
    this.#timer = setInterval(() => this.ask(), 1000 * seconds);
    this.ask();
  }

  /** ask asks once: wait=0 is answered at once, with 204 if there is nothing. */
  async ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const url = new URL(this.#app.lab.laneURL('longpoll'));
      url.searchParams.set('wait', 0);
      if (this.cursor) url.searchParams.set('after', this.cursor);
      const signal = AbortSignal.any([this.#own.signal, AbortSignal.timeout(10_000)]); // or a black hole would end the asking
      const response = await fetch(url, { cache: 'no-store', signal });
      const answer = response.status === 200 ? await response.json() : { events: [] };
      this.cursor = answer.cursor ?? response.headers.get('Pushlab-Cursor') ?? this.cursor;
      const at = this.#app.lab.now();
      const came = answer.events.filter(({ topic }) => !topic.startsWith('$'));
      if (came.length) this.#app.trace.received('longpoll', came.map(({ id, topic }) => ({ id, topic, at })));
    } catch {
      // The next question is soon.
    } finally {
      this.#asking = false;
    }
  }

  close() {
    this.every(0);
    this.#own.abort();
  }
}
