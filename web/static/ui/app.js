/**
 * What the parts of the page share: the lab, the trace of what happened, the lanes, and what is being looked at.
 *
 *   lab      Lab (lab/session.js)
 *   trace    Trace (lab/trace.js); replaced when a trace is imported, then .live is false
 *   lanes    Map name → LaneClient (lab/lane.js)
 *   view     { paused, end, span, selected, lanes, theme, lesson, breaking }, changed by set(); breaking: the panel of
 *            faults is open
 *   live     false when an imported trace is shown
 *
 * Events: 'view' (the view changed; detail: the names of what did), 'frame' (something happened; at most once per
 * animation frame), 'state' (the lab's settings changed), 'trace' (another trace), 'notice' (detail: { kind, text,
 * action }), 'reset'.
 */
import { Trace } from '../lab/trace.js';
import { LaneClient, lanes } from '../lab/lane.js';
import { readHash, writeHash } from './address.js';
import { faultCommands, without } from '../lab/faults.js';
import { t } from '../text.js';

export class App extends EventTarget {
  lab;
  trace;
  lanes = new Map();
  live = true;
  view = { paused: false, end: null, span: 10_000, selected: null, lanes: new Set(lanes.map(({ name }) => name)), theme: '', lesson: null, breaking: false };
  #drawing = false;

  constructor(lab) {
    super();
    this.lab = lab;
    this.trace = new Trace();
    for (const lane of lanes) this.lanes.set(lane.name, this.#wire(new LaneClient(lab, lane)));

    lab.addEventListener('batch', ({ detail }) => {
      if (!this.live) return;
      this.trace.add(detail);
      this.touch();
    });
    lab.addEventListener('gap', () => {
      if (this.live) this.trace.add({ now: lab.now() * 1e6, hole: true });
    });
    lab.addEventListener('state', () => {
      this.#tell('state');
      this.touch();
    });
    lab.addEventListener('link', () => this.touch());
    lab.addEventListener('record', ({ detail: { seq, record } }) => this.trace.keep(seq, record)); // an export has it

    this.set(readHash(location.hash, { moment: false })); // a new lab has no moments yet
    // The event says what was asked for; location may have been written anew since.
    addEventListener('hashchange', ({ newURL }) => this.set(readHash(new URL(newURL).hash)));
  }

  /** set changes the view. */
  set(patch) {
    const changed = Object.keys(patch).filter((key) => patch[key] !== this.view[key]);
    if (!changed.length) return;
    Object.assign(this.view, patch);
    writeHash(this.view);
    this.#tell('view', changed);
    this.touch();
  }

  select(ref) {
    this.set({ selected: ref });
  }

  /** touch says that there may be something new to draw. However often, a frame is drawn once. */
  touch() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#tell('frame');
    });
  }

  /** notice shows a message until it is put away. action is { label, run }. */
  notice(kind, text, action) {
    this.#tell('notice', { kind, text, action });
  }

  /** attempt runs a command, and shows why if it failed. It returns the answer, undefined after a failure. */
  async attempt(path, body) {
    try {
      return await this.lab.command(path, body);
    } catch (error) {
      this.notice('bad', error.message);
      return undefined;
    }
  }

  /** trusts tells whether HTTP/2 can be had, and if not, what to do. */
  async trusts() {
    if (await this.lab.trusted()) return true;
    const address = this.lab.laneURL('', '/healthz', { h2: true });
    this.notice('warn', t('shell.h2.untrusted'), { label: t('shell.h2.accept'), run: () => open(address, '_blank', 'noopener') });
    return false;
  }

  /** mend takes all faults away: those of the proxies, and those of the page. keepDelay leaves the round trip as it is. */
  async mend({ keepDelay = true } = {}) {
    for (const lane of this.lanes.values()) lane.stall(false);
    const faults = this.lab.state.faults ?? {};
    const names = [...this.lanes.keys()];
    const left = Object.fromEntries(names.map((name) => [name, keepDelay ? without(faults[name], (part) => part !== 'delay') : '']));
    if (names.every((name) => !left[name])) await this.attempt('fault', { lane: 'all', reset: true });
    else for (const command of faultCommands(left)) await this.attempt('fault', command);
    for (const lane of Object.keys(this.lab.state.nginx ?? {})) await this.attempt('nginx', { lane, on: false });
  }

  /** reset makes everything as it was when the page opened, and forgets what happened. */
  async reset() {
    this.set({ paused: false, end: null, selected: null });
    await this.mend({ keepDelay: false });
    const { settings, source } = this.lab.initial;
    await this.attempt('settings', settings);
    await this.attempt('source', source);
    for (const lane of this.lanes.values()) lane.reset();
    this.trace.reset();
    this.#tell('reset');
    this.touch();
  }

  /** show shows a trace from elsewhere. The lanes stop, and commands have no effect that could be seen. */
  show(trace) {
    for (const lane of this.lanes.values()) lane.end();
    this.live = false;
    this.trace = trace;
    this.lab.archive = trace.records;
    this.#tell('trace');
    this.set({ ...readHash(location.hash), paused: true });
    this.touch();
  }

  #wire(client) {
    client.addEventListener('received', ({ detail }) => this.live && this.trace.received(client.name, detail));
    client.addEventListener('state', ({ detail: { state, reason, at } }) => this.live && this.trace.laneState(client.name, state, reason, at));
    client.addEventListener('change', () => this.touch());
    return client;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
