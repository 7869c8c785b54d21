/**
 * The lab's clock, as far as a page can know it.
 *
 * A question goes out at t0, the answer says the time of the lab, and comes in at t1. The lab looked at its clock
 * somewhere between; the middle is the best guess, and half the round trip is how wrong it can be. So of some rounds
 * the quickest is believed (RFC 5905, 8, does the same between computers).
 */
const rounds = 8; // questions in a row
const period = 30_000; // quartz drifts by some milliseconds in half a minute at worst, much less in practice
const settling = 3000; // a page that has just begun has much to do, and asks slowly
const drift = 1e-5; // by which an old answer loses

/** local is the page's clock in milliseconds: finer than Date, and the same one in a worker. */
export function local() {
  return performance.timeOrigin + performance.now();
}

export class Clock {
  #ask;
  #best; // { offset, uncertainty, at }
  #timer;
  #stopped = false;

  /** ask returns a promise of the lab's time in milliseconds. */
  constructor(ask) {
    this.#ask = ask;
  }

  /** start asks, and again every half minute until stop. It returns when the first answers are in. */
  async start() {
    await this.sync().finally(() => this.#later(settling));
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopped = true;
  }

  #later(ms) {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.sync().catch(() => {}).finally(() => this.#later(period)); // the next time, perhaps
    }, ms);
  }

  async sync() {
    for (let i = 0; i < rounds; i++) {
      const t0 = local();
      const lab = await this.#ask();
      const t1 = local();
      const answer = { offset: lab - (t0 + t1) / 2, uncertainty: (t1 - t0) / 2, at: t1 };
      if (!this.#best || answer.uncertainty <= this.uncertainty) this.#best = answer;
    }
  }

  /** offset is what has to be added to local() to get the lab's time. */
  get offset() {
    return this.#best?.offset ?? 0;
  }

  /** uncertainty is how wrong that can be, in milliseconds. */
  get uncertainty() {
    return this.#best ? this.#best.uncertainty + (local() - this.#best.at) * drift : Infinity;
  }

  /** hint sets the clock roughly, from a time that somebody said in passing, until there is something better. */
  hint(lab) {
    this.#best ??= { offset: lab - local(), uncertainty: 1000, at: local() };
  }

  now() {
    return local() + this.offset;
  }
}
