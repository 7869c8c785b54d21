/**
 * How much there was, long after the items themselves had to be dropped: counts for each tenth of a second of the last
 * five minutes. At a thousand events a second the items reach back for ten seconds; these numbers go on.
 */
export const slot = 100; // ms
const fields = ['events', 'replays', 'up'];

export class Density {
  #slots;
  #which;
  #counts;

  constructor(ms = 300_000) {
    this.#slots = Math.ceil(ms / slot);
    this.#which = new Float64Array(this.#slots).fill(-1);
    this.#counts = new Uint32Array(this.#slots * fields.length);
  }

  /** add counts one at a time: field 0 is an event, 1 a replayed one, 2 something that the client sent. */
  add(at, field) {
    const number = Math.floor(at / slot);
    const place = this.#place(number);
    if (this.#which[place] > number) return; // older than all that is kept
    if (this.#which[place] !== number) {
      this.#which[place] = number;
      this.#counts.fill(0, place * fields.length, (place + 1) * fields.length);
    }
    this.#counts[place * fields.length + field]++;
  }

  /** each calls visit(from, events, replays, up) for all slots between two times that have something, oldest first. */
  each(from, to, visit) {
    const last = Math.floor(to / slot);
    for (let number = Math.max(Math.floor(from / slot), last - this.#slots + 1); number <= last; number++) {
      const place = this.#place(number);
      if (this.#which[place] !== number) continue;
      const base = place * fields.length;
      visit(number * slot, this.#counts[base], this.#counts[base + 1], this.#counts[base + 2]);
    }
  }

  #place(number) {
    return ((number % this.#slots) + this.#slots) % this.#slots;
  }
}
