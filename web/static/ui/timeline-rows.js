/**
 * How many things there are in each row of the picture, where they are too many for arrows. Rows stand at fixed times,
 * so that the same things are counted together from picture to picture.
 *
 * To count ten seconds of a thousand events sixty times a second would take a tenth of the time there is. So a live
 * picture takes most rows from the one before: those in which hardly anything can change any more.
 */
import { between } from './timeline-layout.js';
import { slot } from '../lab/density.js';

const high = 3; // CSS pixels of a row, with the room between two bars
const settled = 1000; // ms by which a row is older than the newest item, until it is not counted anew for each picture
const patience = 500; // ms after which it is counted anew all the same

export class Rows {
  perRow; // ms
  base; // the number of the first row: rows are counted from time 0 on
  n;
  lanes = new Map(); // name → { events, replays, up }: an array each, with a number for each row
  hub = { events: new Float32Array(0) }; // what was published, likewise
  #trace;
  #names = '';
  #settled = 0; // the first row that is not
  #began = -Infinity; // when all rows were counted

  /** count counts what is to be seen of some lanes. gone is the time before which the trace has no items any more. */
  count({ trace, names, scale, gone, live }) {
    const perRow = high / scale.perMs;
    const base = Math.floor(scale.from / perRow);
    const n = Math.max(1, Math.floor(scale.end / perRow) - base + 1);
    const now = performance.now();
    const goesOn = live && this.#trace === trace && this.#names === names.join() && this.perRow === perRow
      && base >= this.base && base < this.#settled && now - this.#began < patience;
    const stay = goesOn ? Math.min(this.#settled - base, n) : 0; // so many rows do
    this.lanes = new Map(names.map((name) => [name, arrays(this.lanes.get(name), ['events', 'replays', 'up'], n, base - this.base, stay)]));
    this.hub = arrays(this.hub, ['events'], n, base - this.base, stay);
    if (!goesOn) this.#began = now;
    Object.assign(this, { perRow, base, n });
    this.#trace = trace;
    this.#names = names.join();
    this.#settled = Math.floor(((trace.items.at(-1)?.at ?? 0) - settled) / perRow);

    const from = stay ? Math.max(scale.from, (base + stay) * perRow) : scale.from;
    // Before the oldest item only the numbers of whole slots are left.
    const since = Math.max(from, gone > scale.from ? Math.min(scale.end, Math.ceil(gone / slot) * slot) : from);
    this.#countItems(since, scale.end, stay);
    this.#countPublished(from, scale.end, stay);
    if (since > from) this.#countSlots(from, since);
  }

  #countItems(since, end, stay) {
    const { perRow, base, lanes } = this;
    const { items } = this.#trace;
    const [first, last] = this.#trace.bounds(since, end);
    let name;
    let lane;
    for (let i = first; i < last; i++) {
      const item = items[i];
      if (item.lane !== name) lane = lanes.get(name = item.lane);
      const place = Math.floor(item.at / perRow) - base;
      if (!lane || place < stay) continue;
      if (item.kind === 'event') (item.replay ? lane.replays : lane.events)[place]++;
      else if (item.dir === 'up' && item.offset !== undefined) lane.up[place]++;
    }
  }

  #countPublished(from, end, stay) {
    const { order } = this.#trace;
    const [first, last] = between(order, from, end);
    for (let i = first; i < last; i++) {
      const place = Math.floor(order[i].at / this.perRow) - this.base;
      if (place >= stay) this.hub.events[place]++;
    }
  }

  #countSlots(from, since) {
    const { perRow, base, n } = this;
    for (const [name, { events: all, replays: again, up: sent }] of this.lanes) {
      this.#trace.density(name).each(from, since - 1, (begin, events, replays, up) => {
        const low = begin / perRow - base;
        const high = Math.min(begin + slot, since) / perRow - base;
        for (let place = Math.max(0, Math.floor(low)); place < Math.min(n, high); place++) {
          const share = (Math.min(high, place + 1) - Math.max(low, place)) / (high - low);
          all[place] += events * share;
          again[place] += replays * share;
          sent[place] += up * share;
        }
      });
    }
  }
}

/** arrays returns arrays of n numbers: those of before, moved to the front by some rows. All but the first few are 0. */
function arrays(before, names, n, moved, stay) {
  return Object.fromEntries(names.map((name) => {
    let array = before?.[name];
    if (!(array?.length >= n)) {
      array = new Float32Array(n + 8);
      if (stay) array.set(before[name]);
    }
    if (stay) array.copyWithin(0, moved);
    return [name, array.fill(0, stay)];
  }));
}
