/**
 * <push-toolbar>: what is sent, how often, how far it has to go, and the way to breaking it.
 *
 * One stop for Tab; arrow keys lead from control to control (WAI-ARIA practices, "Toolbar pattern"). In a slider and a
 * list up and down change the value, left and right lead on.
 */
import { Element, html, icon, icons, live, nothing } from './element.js';
import { t } from '../text.js';
import { change, faultCommands, milliseconds, parse } from '../lab/faults.js';

const sizes = [16, 64, 256, 1024, 4096, 16_384, 65_536];
const kinds = ['text', 'json', 'binary', 'emoji'];
const trips = [0, 20, 100, 300]; // round trips in ms
const slowest = 0.1; // events per second
const steps = 80; // of the slider, twenty for each power of ten

/** rateAt and placeOf turn a place of the slider into a rate with two digits, and back. */
function rateAt(place) {
  return Number((slowest * 10 ** (place / 20)).toPrecision(2));
}

function placeOf(rate) {
  return Math.round(20 * Math.log10(Math.max(rate, slowest) / slowest));
}

/** sizeText writes a size as programmers do. */
const sizeText = (n) => (n < 1024 ? `${n} B` : `${n / 1024} KB`);

class Toolbar extends Element {
  static events = ['state', 'view', 'trace'];
  #rate = 1; // while it is paused: what to go on with
  #dragged; // what the slider says, before the server does
  #sending = false;
  #open = false; // on a small screen: the second row
  #current = 0; // the control that Tab leads to

  connect(app) {
    this.role = 'region';
    this.ariaLabel = t('shell.toolbar.title');
    app.addEventListener('state', () => {
      const { rate } = app.lab.state.source;
      if (rate > 0) this.#rate = rate;
    });
    this.addEventListener('keydown', (event) => this.#key(event));
    this.addEventListener('focusin', ({ target }) => {
      const place = this.#controls().indexOf(target);
      if (place >= 0) this.#rove(place);
    });
  }

  drawn() {
    this.#rove(this.#current);
    if (this.#observed) return;
    // What is stuck to the upper edge must not hide what is jumped to.
    this.#observed = new ResizeObserver(([{ target }]) => document.documentElement.style.setProperty('--toolbar-height', `${target.offsetHeight}px`));
    this.#observed.observe(this);
  }
  #observed;

  template(app) {
    const { source, faults = {} } = app.lab.state;
    const running = source.rate > 0;
    const rate = this.#dragged ?? (running ? source.rate : this.#rate);
    const trip = this.#trip(faults);
    const off = !app.live;
    const h2 = [...app.lanes.values()].some((lane) => lane.h2);
    return html`<div class="bar" ?data-open=${this.#open} role="toolbar" aria-label=${t('shell.toolbar.controls')} aria-controls="stage">
      <div class="group first">
        <button class="primary run" ?disabled=${off} @click=${() => this.#toggle()}>
          ${icon(running ? icons.pause : icons.run)}<span>${t(running ? 'shell.toolbar.pause' : 'shell.toolbar.run')}</span></button>
        <button ?disabled=${off} title=${t('shell.toolbar.step-about')} @click=${() => this.#step(true)}>
          ${icon(icons.step)}<span>${t('shell.toolbar.step')}</span></button>
        <button ?disabled=${off} title=${t('shell.toolbar.one-about')} @click=${() => this.#step(false)}>
          ${icon(icons.one)}<span class="long">${t('shell.toolbar.one')}</span><span class="short">${t('shell.toolbar.one-short')}</span></button>
        <button class="more" aria-label=${t('shell.toolbar.more')} aria-expanded=${this.#open} aria-controls="toolbar-settings" @click=${() => { this.#open = !this.#open; this.drawNow(); }}>
          ${icon(icons.more)}<span class="long">${t('shell.toolbar.more')}</span></button>
      </div>
      <div class="group settings" id="toolbar-settings">
        <label class="field rate"><span class="label">${t('shell.toolbar.rate')}
            <output class="num">${running || this.#dragged ? t('shell.toolbar.per-second', { n: rate }) : t('shell.toolbar.paused')}</output></span>
          <input type="range" min="0" max=${steps} .value=${live(String(placeOf(rate)))} ?disabled=${off}
            aria-valuetext=${t('shell.toolbar.per-second-long', { n: rate })} @input=${({ target }) => this.#drag(rateAt(Number(target.value)))}></label>
        ${this.#select('size', sizes, source.size, sizeText, (size) => this.#source({ size: Number(size) }))}
        ${this.#select('kind', kinds, source.kind, (kind) => t(`shell.toolbar.kinds.${kind}`), (kind) => this.#source({ kind }))}
        ${this.#select('trip', trips, trip, (ms) => (trips.includes(ms) ? `${ms} ms` : t('shell.toolbar.trip-mixed')), (ms) => this.#far(Number(ms)))}
        ${app.lab.description.h2 ? this.#select('http', ['1.1', '2'], h2 ? '2' : '1.1', (version) => `HTTP/${version}`, (version) => this.#over2(version === '2')) : nothing}
      </div>
      <div class="group last">
        <button class="break" ?disabled=${off} aria-expanded=${app.view.breaking} aria-controls="faults"
          @click=${() => app.set({ breaking: !app.view.breaking })}>
          ${icon(icons.break)}<span>${t('shell.toolbar.break')}</span></button>
        <button class="reset" ?disabled=${off} title=${t('shell.toolbar.reset-about')} @click=${() => app.reset()}>
          ${icon(icons.reset)}<span>${t('shell.toolbar.reset')}</span></button>
      </div>
    </div>`;
  }

  #select(name, values, value, text, change) {
    const all = values.includes(value) ? values : [value, ...values];
    return html`<label class="field"><span class="label">${t(`shell.toolbar.${name}`)}</span>
      <select name=${name} ?disabled=${!this.app.live} @change=${({ target }) => change(target.value)}>
        ${all.map((one) => html`<option .value=${String(one)} .selected=${live(one === value)}>${text(one)}</option>`)}
      </select></label>`;
  }

  #toggle() {
    return this.#source({ rate: this.app.lab.state.source.rate > 0 ? 0 : this.#rate });
  }

  #source(patch) {
    return this.app.attempt('source', patch);
  }

  /** #drag follows the slider: one command at a time, and the last one counts. */
  async #drag(rate) {
    this.#dragged = this.#rate = rate;
    this.drawNow();
    if (this.#sending) return;
    this.#sending = true;
    for (let sent; sent !== this.#dragged;) {
      sent = this.#dragged;
      await this.#source({ rate: sent });
    }
    this.#sending = false;
    this.#dragged = undefined;
    this.draw();
  }

  async #step(pause) {
    if (pause && this.app.lab.state.source.rate > 0) await this.#source({ rate: 0 });
    await this.app.attempt('step');
  }

  /** #trip is the round trip of all lanes, or a text if they differ. */
  #trip(faults) {
    const times = [...this.app.lanes.keys()].map((lane) => 2 * milliseconds(parse(faults[lane]).get('delay')));
    return times.every((time) => time === times[0]) ? times[0] : 'mixed';
  }

  /** #far makes each way half as long as the round trip, and leaves the other faults. */
  async #far(ms) {
    const { faults = {} } = this.app.lab.state;
    const texts = {};
    for (const lane of this.app.lanes.keys()) texts[lane] = change(faults[lane], { delay: ms ? `${ms / 2}ms` : undefined });
    for (const command of faultCommands(texts)) await this.app.attempt('fault', command);
  }

  async #over2(h2) {
    if (!h2 || await this.app.trusts()) {
      for (const lane of this.app.lanes.values()) if (lane.name !== 'websocket') lane.over2(h2);
      if (h2) this.app.notice('warn', t('shell.h2.unseen'));
    }
    this.drawNow();
  }

  #controls() {
    return [...this.querySelectorAll('button, select, input')].filter((control) => !control.disabled && control.checkVisibility());
  }

  #rove(place) {
    const controls = this.#controls();
    this.#current = Math.min(Math.max(place, 0), controls.length - 1);
    for (const [i, control] of controls.entries()) control.tabIndex = i === this.#current ? 0 : -1;
  }

  #key(event) {
    const controls = this.#controls();
    const place = controls.indexOf(event.target);
    if (place < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    let next;
    if (event.key === 'ArrowRight') next = (place + 1) % controls.length;
    else if (event.key === 'ArrowLeft') next = (place + controls.length - 1) % controls.length;
    else if (event.key === 'Home' && event.target.type !== 'range') next = 0;
    else if (event.key === 'End' && event.target.type !== 'range') next = controls.length - 1;
    else return;
    event.preventDefault();
    controls[next].focus();
  }
}
customElements.define('push-toolbar', Toolbar);
