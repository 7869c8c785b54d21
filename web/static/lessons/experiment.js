/**
 * What a lesson does to the lab, so that it can be undone. Lessons touch the lab through this and nothing else: whatever
 * they change, end() puts back as it was when the lesson began.
 *
 * A note is what the learner did, { key, value, at, done } in milliseconds on the lab's clock: the lesson's observations
 * read it beside the trace (see facts.js).
 */
import { Facts } from './facts.js';

/** Stopped is thrown into what a lesson was doing when it is left. */
class Stopped extends Error {}

export class Experiment {
  app;
  notes = [];
  /** What the lesson's own clients know, by name; for observations that need more than the wire. */
  own = {};
  /** Where the choices stand, by the key of the control. */
  values = {};
  #lesson;
  #before; // the lab's state when the lesson began
  #lanes = new Map(); // name → { open, h2, client }, as they were
  #touched = { source: new Set(), settings: new Set(), faults: new Set(), nginx: new Set(), stalled: new Set() };
  #waits = new Map(); // lane → how long its polls waited before
  #resources = new Set();
  #underway = new Set(); // commands that are not answered yet
  #stop = new AbortController();
  #shown;
  #ending;

  constructor(app, lesson) {
    this.app = app;
    this.#lesson = lesson;
    this.since = app.lab.now();
    this.#before = structuredClone(app.lab.state);
    for (const lane of app.lanes.values()) this.#lanes.set(lane.name, { open: lane.state !== 'closed', h2: lane.h2, client: lane.client });
    this.#shown = app.view.lanes;
  }

  get signal() { return this.#stop.signal; }

  get stopped() { return this.#stop.signal.aborted; }

  /** begin brings the lab into the state that the lesson starts from, whatever was tried before. */
  async begin() {
    this.app.set({ lanes: new Set(this.#lesson.lanes), paused: false, end: null, selected: null });
    await this.#clear();
    this.since = this.app.lab.now();
    await this.#lesson.begin?.(this);
  }

  /**
   * #clear takes away what would make the lesson another one: faults, proxies, HTTP/2, and settings other than those of a
   * new lab, where the controls show that they stand. A client that sleeps is woken for good: what it had not read goes
   * with its connection, so it could not be put back.
   */
  async #clear() {
    const { lab, lanes } = this.app;
    for (const lane of lanes.values()) {
      lane.stall(false);
      speak(lane, { h2: false, client: lane.client && 'EventSource' });
      if (lane.options.wait !== undefined) this.wait(lane.name, undefined);
    }
    for (const [lane, set] of Object.entries(lab.state.faults ?? {})) if (set) await this.fault(lane);
    for (const lane of Object.keys(lab.state.nginx ?? {})) await this.nginx(lane, { on: false });
    const change = Object.fromEntries(Object.entries(lab.initial.settings).filter(([name, value]) => !same(lab.state.settings[name], value)));
    if (!Object.keys(change).length) return;
    await this.settings(change);
    await this.until(() => !lab.state.down); // other settings are those of another server
  }

  /** facts are what the trace and the notes say so far; since a later moment, if that is enough, for less work. */
  facts(since = this.since) {
    return new Facts({ trace: this.app.trace, since, notes: this.notes, own: this.own, now: this.app.lab.now() });
  }

  /** note remembers what the learner did; what takes time says when it was done. */
  note(key, value, at = this.app.lab.now()) {
    const note = { key, value, at, done: this.app.lab.now() };
    this.notes.push(note);
    return note;
  }

  // What can be done to the lab.

  async command(path, body) {
    this.#check();
    const answer = this.app.lab.command(path, body);
    this.#underway.add(answer);
    try {
      return await answer;
    } finally {
      this.#underway.delete(answer);
      this.#check();
    }
  }

  step() { return this.command('step', {}); }

  /** steps publishes that many events, one after the other, and returns their ids. */
  async steps(n) {
    const ids = [];
    while (ids.length < n) ids.push((await this.step()).id);
    return ids;
  }

  source(change) {
    for (const name of Object.keys(change)) this.#touched.source.add(name);
    return this.command('source', change);
  }

  settings(change) {
    for (const name of Object.keys(change)) this.#touched.settings.add(name);
    if (change.heartbeat) this.#touched.settings.add('heartbeats'); // that is one for all
    return this.command('settings', change);
  }

  fault(lane, set) {
    this.#touched.faults.add(lane);
    return this.command('fault', set ? { lane, set } : { lane, reset: true });
  }

  cut(lane, how = 'fin') { return this.command('fault', { lane, cut: how }); }

  nginx(lane, change) {
    this.#touched.nginx.add(lane);
    return this.command('nginx', { lane, ...change });
  }

  restart(how) { return this.command('server', { do: 'restart', ...how }); }

  // What can be done to the page's own clients.

  lane(name) { return this.app.lanes.get(name); }

  /** only opens these lanes, and closes all others. */
  async only(...names) {
    for (const lane of this.app.lanes.values()) {
      if (names.includes(lane.name)) {
        if (lane.state === 'closed') lane.open();
      } else if (lane.state !== 'closed') lane.close();
    }
    await this.open(...names);
  }

  /** fresh does so with new connections, so that all that is sent on them belongs to the lesson. */
  async fresh(...names) {
    for (const lane of this.app.lanes.values()) if (lane.state !== 'closed') lane.close();
    await this.only(...names);
  }

  /** open waits until these lanes are; it fails if they take too long. */
  async open(...names) {
    if (!await this.until(() => names.every((name) => this.lane(name).state === 'open'), 15_000)) throw new Error('closed');
  }

  wait(name, seconds) {
    if (!this.#waits.has(name)) this.#waits.set(name, this.lane(name).options.wait);
    this.lane(name).set({ wait: seconds });
  }

  /** stall has a client read nothing, or read again. Where the browser does not let it, the proxy stops reading for it. */
  async stall(name, on) {
    if (on) this.#touched.stalled.add(name);
    if (this.lane(name).stall(on) === false) await this.fault(name, on ? 'down:stall' : '');
    if (!on) this.#touched.stalled.delete(name);
  }

  /** keep remembers what is to be closed when the lesson is left: anything with close(). */
  keep(resource) {
    this.#resources.add(resource);
    return resource;
  }

  drop(resource) {
    resource.close();
    this.#resources.delete(resource);
  }

  /** dropAll closes all that was kept. */
  dropAll() {
    for (const resource of this.#resources) resource.close();
    this.#resources.clear();
  }

  // Waiting.

  pause(ms) {
    return new Promise((resolve, reject) => {
      if (this.stopped) return reject(new Stopped());
      const { signal } = this.#stop;
      const timer = setTimeout(done, ms);
      function done() {
        signal.removeEventListener('abort', gone);
        resolve();
      }
      function gone() {
        clearTimeout(timer);
        reject(new Stopped());
      }
      signal.addEventListener('abort', gone, { once: true });
    });
  }

  /** until waits for a condition, for so long at most, and returns what it gave in the end. */
  async until(condition, ms = 10_000) {
    for (const end = performance.now() + ms; ;) {
      const value = condition();
      if (value || performance.now() > end) return value;
      await this.pause(40);
    }
  }

  #check() {
    if (this.stopped) throw new Stopped();
  }

  /**
   * end undoes what the lesson did. It returns when that is done; a second call waits for the first. After a reset the lab
   * is as it should be, and nothing is put back: discard.
   */
  end({ discard = false } = {}) {
    this.#ending ??= this.#undo(discard);
    return this.#ending;
  }

  async #undo(discard) {
    this.#stop.abort();
    this.dropAll();
    const { app } = this;
    if (discard) return app.set({ lanes: this.#shown });
    for (const name of this.#touched.stalled) this.lane(name).stall(false);
    for (const [name, wait] of this.#waits) this.lane(name).set({ wait });
    app.set({ lanes: this.#shown, paused: false, end: null, selected: null });
    await Promise.allSettled(this.#underway); // else what is put back might be changed once more
    const commands = [];
    for (const lane of this.#touched.faults) commands.push(['fault', before(lane, this.#before.faults)]);
    for (const lane of this.#touched.nginx) commands.push(['nginx', { lane, on: Boolean(this.#before.nginx?.[lane]), ...this.#before.nginx?.[lane] }]);
    for (const part of ['settings', 'source']) {
      const change = [...this.#touched[part]].map((name) => [name, this.#before[part][name]]);
      if (change.length) commands.push([part, Object.fromEntries(change)]); // what is so already changes nothing
    }
    for (const [path, body] of commands) {
      try {
        await app.lab.command(path, body);
      } catch (error) {
        console.warn(`leaving a lesson: ${path}: ${error.message}`); // the lab is gone, perhaps; then so is the change
      }
    }
    if (!app.live) return; // a trace from elsewhere is shown, and the lanes have ended
    for (const [name, { open, ...spoken }] of this.#lanes) {
      const lane = this.lane(name);
      speak(lane, spoken);
      if (open && lane.state === 'closed') lane.open();
      if (!open && lane.state !== 'closed') lane.close();
    }
  }
}

/** speak has a lane use a version of HTTP, and a client. One that used another is closed, and opened by who needs it. */
function speak(lane, { h2, client }) {
  if (lane.h2 === h2 && lane.client === client) return;
  if (lane.state !== 'closed') lane.close();
  lane.over2(h2);
  if (client) lane.use(client);
}

/** same compares settings, which are values, or objects of such in a fixed order. */
function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** before is the command that brings a lane's faults back. */
function before(lane, faults = {}) {
  return faults[lane] ? { lane, set: faults[lane] } : { lane, reset: true };
}
