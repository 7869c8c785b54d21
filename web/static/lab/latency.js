/**
 * How late events come: from being published to being in the page.
 *
 * Latencies answers for the last thousand. Series answers for each second of the last five minutes, in little memory:
 * it counts instead of keeping, in slots whose borders grow by a tenth, so that a quantile is right to 5 %.
 */

export class Latencies {
  #ring;
  #sorted;
  #next = 0;
  n = 0; // how many are kept

  constructor(size = 1000) {
    this.#ring = new Float64Array(size);
  }

  add(ms) {
    this.#ring[this.#next] = ms;
    this.#next = (this.#next + 1) % this.#ring.length;
    this.n = Math.min(this.n + 1, this.#ring.length);
    this.#sorted = undefined;
  }

  /** quantile returns the smallest latency that a share q of them does not exceed; undefined if there is none. */
  quantile(q) {
    if (!this.n) return undefined;
    this.#sorted ??= this.#ring.slice(0, this.n).sort();
    return this.#sorted[Math.min(this.n - 1, Math.max(0, Math.ceil(q * this.n) - 1))];
  }

  clear() {
    this.#next = this.n = 0;
    this.#sorted = undefined;
  }
}

const growth = Math.log(1.1);
const smallest = 0.05; // ms: the first slot has all that is faster
const slots = 160; // the last one has all that is slower than about three minutes

export class Series {
  #seconds; // how many are kept
  #second; // which one lies in which place
  #counts;
  #events;

  constructor(seconds = 300) {
    this.#seconds = seconds;
    this.#second = new Float64Array(seconds).fill(-1);
    this.#events = new Uint32Array(seconds);
    this.#counts = new Uint16Array(seconds * slots);
  }

  /** add counts an event that came into the page at a time; ms is how late, undefined if nobody knows. */
  add(at, ms) {
    const second = Math.floor(at / 1000);
    const place = ((second % this.#seconds) + this.#seconds) % this.#seconds;
    if (this.#second[place] > second) return; // older than all that is kept
    if (this.#second[place] !== second) {
      this.#second[place] = second;
      this.#events[place] = 0;
      this.#counts.fill(0, place * slots, (place + 1) * slots);
    }
    this.#events[place]++;
    if (ms === undefined) return;
    const slot = ms <= smallest ? 0 : Math.min(slots - 1, 1 + Math.floor(Math.log(ms / smallest) / growth));
    this.#counts[place * slots + slot]++;
  }

  /** at returns {n, p50, p99} of a second; the quantiles are undefined where nothing is known. */
  at(second) {
    const place = ((second % this.#seconds) + this.#seconds) % this.#seconds;
    if (this.#second[place] !== second) return { n: 0 };
    const counts = this.#counts.subarray(place * slots, (place + 1) * slots);
    let total = 0;
    for (const count of counts) total += count;
    return { n: this.#events[place], p50: quantile(counts, total, 0.5), p99: quantile(counts, total, 0.99) };
  }
}

function quantile(counts, total, q) {
  if (!total) return undefined;
  let left = Math.max(1, Math.ceil(q * total));
  let slot = 0;
  while ((left -= counts[slot]) > 0) slot++;
  return slot === 0 ? smallest : smallest * Math.exp((slot - 0.5) * growth);
}
