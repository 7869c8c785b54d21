/**
 * The base of the shell's elements. A subclass has template(app), which returns what lit-html renders, and perhaps
 * connect(app), called once.
 */
import { html, live, nothing, render } from '../vendor/lit-html.js';

export { html, live, nothing };

export class Element extends HTMLElement {
  /** What makes it draw anew, and how many milliseconds apart at least. */
  static events = ['frame', 'view', 'state', 'trace'];
  static pace = 100;
  #app;
  #drawn = -Infinity;
  #timer;

  set app(app) {
    if (app === this.#app) return; // lit-html sets objects each time
    this.#app = app;
    this.replaceChildren(); // what stood there until now
    for (const name of this.constructor.events) app.addEventListener(name, () => this.draw());
    this.connect(app);
    this.drawNow();
  }

  get app() { return this.#app; }

  get pace() { return this.constructor.pace; }

  connect() {}

  /** draw draws soon, and not more often than its pace. */
  draw() {
    if (this.#timer !== undefined) return;
    const wait = this.#drawn + this.pace - performance.now();
    this.#timer = setTimeout(() => this.drawNow(), Math.max(0, wait));
  }

  drawNow() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#drawn = performance.now();
    render(this.template(this.#app), this);
    this.drawn?.();
  }
}

/** badge is the letter of a lane. */
export function badge({ name, letter, title }) {
  return html`<span class="badge" data-lane=${name} title=${title} aria-hidden="true">${letter}</span>`;
}

/** icon draws a path of 16 by 16. */
export function icon(path) {
  return html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d=${path}></path></svg>`;
}

export const icons = {
  run: 'M4 2.5v11l9-5.5z',
  pause: 'M4 2.5h3v11H4zM9 2.5h3v11H9z',
  step: 'M3 2.5v11l6.5-5.5zM11 2.5h2.5v11H11z',
  one: 'M8 2l5 5.2-1.2 1.2L8.9 5.5V14H7.1V5.5L4.2 8.4 3 7.2z',
  reset: 'M8 3a5 5 0 1 1-4.9 6h1.7A3.4 3.4 0 1 0 8 4.6V7L4.2 3.8 8 .6z',
  break: 'M9.5 1L3 9h4l-1.5 6L13 6.5H8.5z',
  close: 'M3.2 2L8 6.8 12.8 2 14 3.2 9.2 8l4.8 4.8-1.2 1.2L8 9.2 3.2 14 2 12.8 6.8 8 2 3.2z',
  more: 'M2 4.2h6.1a2.2 2.2 0 0 1 4.2 0H14v1.6h-1.7a2.2 2.2 0 0 1-4.2 0H2zM2 10.2h1.7a2.2 2.2 0 0 1 4.2 0H14v1.6H7.9a2.2 2.2 0 0 1-4.2 0H2z',
  auto: 'M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM8 3v10A5 5 0 0 0 8 3z',
  light: 'M8 4.8a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4zM7.3.8h1.4v2.6H7.3zM7.3 12.6h1.4v2.6H7.3zM.8 7.3h2.6v1.4H.8zM12.6 7.3h2.6v1.4h-2.6zM2.4 3.4l1-1 1.8 1.8-1 1zM10.8 11.8l1-1 1.8 1.8-1 1zM11.8 5.2l-1-1 1.8-1.8 1 1zM3.4 13.6l-1-1 1.8-1.8 1 1z',
  dark: 'M6.2 1.7A6.5 6.5 0 1 0 14.4 9.6 5.6 5.6 0 0 1 6.2 1.7z',
  copy: 'M5 1.5h8.5V11H11v3.5H2.5V5H5zM6.5 5H11v4.5h1V3H6.5zM4 6.5V13h5.5V6.5z',
};

/** bytes writes a size. */
export function bytes(n) {
  if (!Number.isFinite(n)) return '–';
  for (const unit of ['B', 'KB', 'MB', 'GB']) {
    if (Math.abs(n) < 1000 || unit === 'GB') return `${unit === 'B' ? Math.round(n) : n.toPrecision(3)} ${unit}`;
    n /= 1000;
  }
  return '–';
}

/** milliseconds writes a time, as precise as it can be of use. */
export function milliseconds(ms) {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** seqOf is the number in an id, and epochOf what is before it. */
export function seqOf(id = '') {
  return id ? Number(id.slice(id.lastIndexOf('-') + 1)) : NaN;
}

export function epochOf(id = '') {
  return id ? id.slice(0, id.lastIndexOf('-')) : '';
}

/** shortId shows an id by what tells it from its neighbours. */
export function shortId(id) {
  return id ? `#${seqOf(id)}` : '–';
}
