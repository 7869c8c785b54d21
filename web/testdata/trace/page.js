/**
 * A page with the pictures of a trace and no lab: what they need of an App, and a simulation to look at. The query says
 * which scene, how many events a second, how much time fits in; the parts are those that the page has elements of.
 */
import { load } from './text.js';
import { Trace } from './lab/trace.js';
import { lanes } from './lab/lane.js';
import { Simulation } from './simulate.js';

const query = new URLSearchParams(location.search);

class App extends EventTarget {
  trace = new Trace();
  live = true;
  view = { paused: false, end: null, span: Number(query.get('span') ?? 10_000), selected: null, lanes: new Set(lanes.map(({ name }) => name)), lesson: null };
  lanes = new Map(lanes.map((lane) => [lane.name, { ...lane, state: 'open', client: lane.name === 'sse' ? 'EventSource' : undefined }]));
  lab = { now: () => this.trace.now, uncertainty: 0.1, state: {}, link: 'open' };
  #frame;

  set(patch) {
    const changed = Object.keys(patch).filter((key) => patch[key] !== this.view[key]);
    if (!changed.length) return;
    Object.assign(this.view, patch);
    this.dispatchEvent(new CustomEvent('view', { detail: changed }));
    this.touch();
  }

  select(ref) { this.set({ selected: ref }); }

  touch() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.dispatchEvent(new CustomEvent('frame'));
    });
  }

  show(trace) {
    this.live = false;
    this.trace = trace;
    this.dispatchEvent(new CustomEvent('trace'));
    this.set({ paused: true, end: trace.now });
    this.touch();
  }
}

await Promise.all(['trace', 'trace.cost', 'trace.log', 'shell'].map(load));
const app = new App();
let sim = new Simulation(app.trace, { rate: Number(query.get('rate') ?? 1) });

const scenes = {
  none() {},
  calm: () => sim.run(12_000),
  mix() { // 150 ms away, and three kinds of ends
    sim.run(4000);
    for (const { name } of lanes) sim.set(name, 'delay=150ms');
    sim.run(2600);
    sim.cut('websocket', 'rst');
    sim.run(1500);
    sim.cut('httpstream', 'fin');
    sim.run(900);
    sim.cut('longpoll', 'rst');
    sim.run(2500);
  },
  hole() {
    sim.run(4100);
    sim.cut('sse', 'blackhole', 9000);
    sim.run(1200);
    sim.cut('websocket', 'blackhole', 4000);
    sim.run(6800);
  },
  restart() {
    sim.run(5100);
    sim.restart(3000, true);
    sim.run(6500);
  },
  gap() {
    sim.run(5100);
    sim.cut('websocket', 'rst');
    sim.run(100);
    sim.retained = sim.events + 3;
    sim.rate = 8;
    sim.run(5000);
  },
  buffer() {
    sim.run(3500);
    sim.set('sse', 'buffer=4KiB/3s');
    sim.run(9000);
  },
};
scenes[query.get('scene') ?? 'calm']();

for (const element of document.querySelectorAll('push-timeline, push-playback, push-cost, push-log, push-story')) {
  await import(`./ui/${element.localName.slice(5)}.js`);
  element.app = app;
}
app.touch();
/** play gives the page the trace of another scene, as if it had been opened with it. */
function play(scene) {
  app.trace = new Trace();
  sim = window.sim = new Simulation(app.trace, { rate: 1 });
  scenes[scene]();
  app.dispatchEvent(new CustomEvent('trace'));
  app.touch();
}
Object.assign(window, { app, sim, play, Trace, Simulation, ready: true });
