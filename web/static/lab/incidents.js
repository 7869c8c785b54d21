/**
 * Notable things, found in what happens: that a connection broke and how its client came back, that nothing comes
 * through any more, that a proxy kept things back. An incident goes on being completed while more is known. It claims
 * only what was seen, so whatever is not known stays undefined. The words for it are the page's.
 *
 *   break    how: 'reset', 'fin', 'error', 'bye', 'stopped' or 'unknown'; cause: what the fault proxy says; reason: what
 *            the client says; seen: when the client noticed; refused, failed: how often, while it tried; wait: ms until
 *            it got through; back: when it was open again; after: the id it asked with; replayed; lost: events that
 *            never came; gap: those the server announced as lost (null: it did not know how many)
 *   silence  at: since when nothing comes through; ended; noticed: 'client' if its client found out, 'end' if the end of
 *            the connection told it
 *   burst    bytes, kept (ms), events, times
 *   gap      missed: how many events the server no longer had (undefined: it did not know)
 *   hole     missed: events that never came, though nobody said so
 *   down     until; epoch: whether the log was lost
 *   queued   a connection waits to be served
 *   dropped  missed: records that are not here, undefined if nobody knows how many
 */
import { parseId } from './item.js';

const most = 100;
const late = 2000; // ms after which the tap has told all about something, if it will
const near = 1500; // ms between the end of a connection and what its client says about it

export class Incidents {
  list = []; // oldest first, by when they happened
  #trace;
  #lanes = new Map();

  constructor(trace) {
    this.#trace = trace;
  }

  /** clear forgets them. What goes on, goes on being watched. */
  clear() {
    this.list = [];
  }

  toJSON() {
    return this.list;
  }

  restore(list) {
    this.list = [...list].sort((a, b) => a.at - b.at).slice(-most);
  }

  /** feed takes the items, in the order in which they come. */
  feed(item) {
    if (!item.lane) {
      this.#everywhere(item);
      return;
    }
    const lane = this.#lane(item.lane);
    switch (item.kind) {
      case 'state': this.#state(lane, item); break;
      case 'open': this.#opened(lane, item); break;
      case 'request': this.#request(lane, item); break;
      case 'event': this.#event(lane, item); break;
      case 'control': this.#control(lane, item); break;
      case 'fault': this.#fault(lane, item); break;
      case 'refused': if (open(lane.break)) lane.break.refused = (lane.break.refused ?? 0) + 1; break;
      case 'fin': case 'reset': case 'error': this.#end(lane, item); break;
    }
  }

  /** received tells that the page got an event. Whether something is missing before it, the tap's word decides: see settle. */
  received(name, id, at) {
    this.#lane(name).heard.push({ id, at });
  }

  /**
   * settle checks that what the page gets has no holes, as far as the tap has told of it. The page knows earlier what came,
   * but not what the server said about it: a hole that was announced is none. Of what the tap does not tell, nothing is said.
   */
  settle() {
    for (const lane of this.#lanes.values()) {
      const { heard } = lane;
      let n = 0;
      for (; n < heard.length; n++) {
        const { id, at } = heard[n];
        const known = this.#trace.byId(lane.name, id) !== undefined;
        if (!known && this.#trace.now - at < late) break;
        this.#check(lane, parseId(id), at, known);
      }
      if (n) heard.splice(0, n);
    }
  }

  #check(lane, { epoch, seq }, at, known) {
    const { last, gap } = lane;
    const follows = last?.epoch === epoch;
    if (follows && seq <= last.seq) return; // again
    const chosen = this.#trace.streams.some((stream) => stream.lane === lane.name && stream.topics);
    const announced = gap?.epoch === epoch && gap.seq < seq && (!follows || gap.seq >= last.seq);
    const from = announced ? gap.seq : follows ? last.seq : undefined;
    const missing = from === undefined || chosen || !known ? undefined : seq - from - 1;
    const { break: b } = lane;
    if (b && !b.settled && at >= b.seen) {
      b.settled = true;
      b.lost = last ? missing : undefined;
    } else if (missing && !open(b)) {
      this.#open({ kind: 'hole', lane: lane.name, at, missed: missing });
    }
    lane.last = { epoch, seq };
    if (announced) lane.gap = undefined;
  }

  #lane(name) {
    if (!this.#lanes.has(name)) this.#lanes.set(name, { name, open: false, heard: [] });
    return this.#lanes.get(name);
  }

  /** #open puts an incident where it belongs in time: the page tells of it at once, the tap with the next batch. */
  #open(incident) {
    const { list } = this;
    let i = list.length;
    while (i > 0 && list[i - 1].at > incident.at) i--;
    list.splice(i, 0, incident);
    if (list.length > most) list.splice(0, most / 10);
    return incident;
  }

  #everywhere(item) {
    if (item.label === 'down') {
      this.down = this.#open({ kind: 'down', lane: null, at: item.at, ref: item.ref, until: item.until, epoch: false });
    } else if (item.label === 'epoch') {
      if (this.down && item.at >= this.down.at && item.at < (this.down.until ?? 0) + 10_000) this.down.epoch = true;
      else this.#open({ kind: 'epoch', lane: null, at: item.at, ref: item.ref });
    } else if (item.label === 'dropped') {
      const before = this.list.at(-1);
      if (before?.kind === 'dropped') before.missed = before.missed && item.missed && before.missed + item.missed;
      else this.#open({ kind: 'dropped', lane: null, at: item.at, ref: item.ref, missed: item.missed });
    }
  }

  #state(lane, { label: state, text: reason, at, ref }) {
    if (state === 'open') {
      lane.open = true;
      if (open(lane.break)) lane.break.back = at;
      return;
    }
    if (lane.silence && lane.silence.ended === undefined) {
      lane.silence.ended = at;
      if (state === 'connecting') lane.silence.noticed = close(lane.end, at) ? 'end' : 'client';
      this.#count(lane.silence);
    }
    if (state === 'closed') {
      if (lane.open) lane.break = this.#open({ kind: 'break', lane: lane.name, at, ref, seen: at, how: 'stopped' });
      lane.open = false;
    } else if (lane.open) {
      lane.open = false;
      const { end, cause, bye } = lane;
      const b = { kind: 'break', lane: lane.name, at, seen: at, ref, how: 'unknown', reason };
      // The end of the connection may be known already, or come with the next batch.
      if (close(bye, at)) Object.assign(b, { how: 'bye', ref: bye.ref });
      else if (close(end, at)) Object.assign(b, { how: end.kind, ref: end.ref, at: end.at });
      if (close(cause, at)) b.cause = cause.text;
      lane.break = this.#open(b);
    } else if (open(lane.break) && reason) {
      lane.break.failed = (lane.break.failed ?? 0) + 1; // it has tried, in vain
    }
  }

  #opened({ break: b }, { at }) {
    if (during(b, at)) b.wait ??= at - b.at;
  }

  #request({ break: b }, item) {
    if (!during(b, item.at) || !subscribes(item)) return;
    b.wait ??= item.at - b.at;
    b.after = item.id;
  }

  #event(lane, item) {
    if (item.replay && lane.break && item.at >= lane.break.at) lane.break.replayed = (lane.break.replayed ?? 0) + 1;
    if (!(item.at - item.sent > 50)) return; // it came at once
    const { burst } = lane;
    if (burst && Math.abs(item.at - burst.released) < 50) burst.events++;
    else lane.late = [...(lane.late ?? []).filter(({ at }) => item.at - at < 100), item]; // perhaps the proxy tells soon why
  }

  #control(lane, item) {
    if (item.topic === '$bye') {
      lane.bye = item;
      if (open(lane.break) && close(item, lane.break.at)) lane.break.how = 'bye';
    } else if (item.topic === '$gap') {
      lane.gap = parseId(item.id);
      const { break: b } = lane;
      if (b && item.at >= b.at && !b.settled) b.gap = item.missed ?? null;
      else this.#open({ kind: 'gap', lane: lane.name, at: item.at, ref: item.ref, missed: item.missed });
    }
  }

  #end(lane, item) {
    if (item.kind === 'fin' && item.dir === 'up') return; // the client has closed: that tells nothing of a break
    const connection = this.#trace.connection(item.conn);
    lane.end = item;
    if (lane.silence?.noticed === 'client' && close(item, lane.silence.ended)) lane.silence.noticed = 'end';
    if (connection?.why) lane.cause = { at: item.at, text: connection.why };
    const { break: b } = lane;
    if (b?.how !== 'unknown' || b.back !== undefined || !close(item, b.at)) return;
    Object.assign(b, { how: item.kind, ref: item.ref });
  }

  #fault(lane, item) {
    switch (item.label) {
      case 'closed':
      case 'answered':
        lane.cause = { at: item.at, text: item.label === 'answered' ? `answered ${item.text}` : item.text };
        if (open(lane.break) && close(item, lane.break.at)) lane.break.cause ??= lane.cause.text;
        break;
      case 'silenced':
      case 'swallowed': {
        if (lane.silence && lane.silence.ended === undefined) break;
        if (!lane.open) break;
        lane.silence = this.#open({ kind: 'silence', lane: lane.name, at: item.at, ref: item.ref });
        break;
      }
      case 'released': {
        if (item.text !== 'buffer' || item.began === undefined || item.at - item.began < 50) break;
        const { burst } = lane;
        const kept = item.at - item.began;
        if (burst && item.at - burst.released < 15_000) {
          Object.assign(burst, { times: burst.times + (item.at - burst.released > 50 ? 1 : 0), bytes: burst.bytes + item.length, kept: Math.max(kept, burst.kept), released: item.at });
        } else {
          lane.burst = this.#open({ kind: 'burst', lane: lane.name, at: item.at, ref: item.ref, released: item.at, bytes: item.length ?? 0, kept, events: 0, times: 1 });
        }
        lane.burst.events += (lane.late ?? []).filter(({ at }) => Math.abs(at - item.at) < 50).length;
        lane.late = undefined;
        break;
      }
      case 'queued':
        this.#open({ kind: 'queued', lane: lane.name, at: item.at, ref: item.ref });
        break;
    }
  }

  /** away tells until when the server is away, if that is known better now. */
  away(until) {
    if (this.down) this.down.until = until;
  }

  /** unheard counts the events that were published during a silence, and did not come through while it lasted. */
  unheard(silence) {
    if (silence.unheard !== undefined) return silence.unheard;
    return this.#count({ ...silence });
  }

  #count(silence) {
    const to = silence.ended ?? this.#trace.now;
    const { order } = this.#trace;
    let n = 0;
    for (let i = order.length - 1; i >= 0 && order[i].at > silence.at; i--) {
      const { id, at } = order[i];
      if (at <= to && !(this.#trace.byId(silence.lane, id)?.at <= to)) n++;
    }
    silence.unheard = n;
    return n;
  }
}

/** open tells whether a break is not over. */
const open = (b) => b && b.back === undefined;

/** during tells whether a time lies in a break, which may be known to be over before all of it is. */
const during = (b, at) => b && at >= b.at && (b.back === undefined || at <= b.back + 20);

/** close tells whether something happened at about a time. */
const close = (item, at) => item !== undefined && Math.abs(item.at - at) < near;

/** subscribes tells whether a request asks for events, and does not bring one. */
const subscribes = ({ label = '' }) => label.startsWith('GET');
