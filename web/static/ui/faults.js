/**
 * <push-faults>: the panel that breaks things. Each fault says what it does and asks what will happen; what is set is
 * shown above, and can be taken away.
 *
 * Most are done by the lanes' proxies, in the words of lab/faults.js. Some happen in the browser, or are imitated there,
 * and then say so.
 */
import { Element, badge, html, icon, icons, nothing } from './element.js';
import { change, faultCommands, parse } from '../lab/faults.js';
import { t } from '../text.js';
import './streams.js';

/** A fault of a proxy: once is what happens now, part and value what stays. cut: as a command of its own. */
const faults = [
  { group: 'ends', name: 'fin', once: { cut: 'fin' }, part: 'cut', value: 'fin@5s' },
  { group: 'ends', name: 'rst', once: { cut: 'rst' }, part: 'cut', value: 'rst@5s' },
  { group: 'ends', name: 'idle', part: 'idle', value: '10s' },
  { group: 'ends', name: 'restart', own: 'restart' },
  { group: 'silence', name: 'blackhole', once: { cut: 'blackhole' }, part: 'blackhole', value: '' },
  { group: 'silence', name: 'stall', own: 'stall' },
  { group: 'silence', name: 'offline', own: 'offline' },
  { group: 'middle', name: 'buffer', own: 'buffer' },
  { group: 'middle', name: 'bad-gateway', once: { once: 'cut=fin,answer=502/3x/10s' }, part: 'answer', value: '502' },
  { group: 'middle', name: 'unavailable', once: { once: 'cut=fin,answer=503/3x/10s' }, part: 'answer', value: '503' },
  { group: 'middle', name: 'type', once: { once: 'cut=fin,answer=200/1x/type:text/html' } },
  { group: 'middle', name: 'no-content', once: { once: 'cut=fin,answer=204/1x' } },
  { group: 'line', name: 'split', part: 'down:split', value: '1B' },
  { group: 'line', name: 'narrow', part: 'rate', value: '2KiB/s' },
  { group: 'browser', name: 'streams', own: 'streams' },
  { group: 'browser', name: 'hidden', own: 'hidden' },
];
const groups = ['ends', 'silence', 'middle', 'line', 'browser'];

const fromBelow = matchMedia('(max-width: 1099px)');
const imitation = '4KiB/30s'; // of a proxy that buffers
const buffering = 'down:buffer';
const readsNothing = 'down:stall';

class Faults extends Element {
  static events = ['state', 'view', 'frame', 'reset'];
  static pace = 200;
  #target = 'all';
  #restart = { log: 'kept', polite: true };
  #offline = false;
  #opened = false; // once it was, it stays: streams that it has opened must be seen when it opens again
  #back; // where the focus came from

  connect(app) {
    this.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.#close();
    });
    app.addEventListener('view', ({ detail }) => {
      if (detail.includes('breaking')) this.#follow();
    });
    app.addEventListener('reset', () => { this.#offline = false; });
    if (app.view.breaking) this.#follow(); // it was loaded for that
  }

  #follow() {
    const { breaking } = this.app.view;
    this.#opened ||= breaking;
    this.drawNow();
    if (!breaking) return;
    this.#back = document.activeElement;
    this.querySelector('h2').focus({ preventScroll: true });
    // From below, the panel takes half of the window. What is told of a fault must stand in the other half.
    if (fromBelow.matches && !this.app.view.lesson) document.querySelector('push-story')?.scrollIntoView({ block: 'start' });
  }

  draw() {
    if (this.app.view.breaking) super.draw();
  }

  template(app) {
    const open = app.view.breaking;
    return html`<section id="faults" class="drawer" role="dialog" aria-labelledby="faults-title" ?data-open=${open} ?hidden=${!open}>
      ${open || this.#opened ? this.#panel(app) : nothing}
    </section>`;
  }

  #panel(app) {
    return html`
      <div class="head">
        <h2 id="faults-title" tabindex="-1">${t('shell.faults.title')}</h2>
        <button class="bare" aria-label=${t('shell.close')} @click=${() => this.#close()}>${icon(icons.close)}</button>
        <p class="small quiet">${t('shell.faults.about')}</p>
        <fieldset class="target"><legend class="label">${t('shell.faults.target')}</legend>
          <span class="switch">
            ${['all', ...app.lanes.keys()].map((name) => {
              const lane = app.lanes.get(name);
              return html`<label title=${lane?.title ?? t('shell.faults.all')}><input type="radio" name="fault-target" .checked=${this.#target === name}
                @change=${() => { this.#target = name; this.drawNow(); }}>${lane ? html`${badge(lane)}<span class="name" aria-hidden="true">${t(`trace.short.${name}`)}</span><span class="hidden-text">${lane.title}</span><span class="how" data-state=${lane.stalled ? 'stalled' : lane.state} aria-hidden="true"></span>` : t('shell.faults.all')}</label>`;
            })}</span></fieldset>
        ${this.#now(app)}
      </div>
      <div class="list">
        ${groups.map((group) => html`<h3>${t(`shell.faults.groups.${group}`)}</h3>
          <ul>${faults.filter((fault) => fault.group === group).map((fault) => this.#row(fault))}</ul>`)}
      </div>`;
  }

  /** #now shows what is set, and takes it away. */
  #now(app) {
    const chips = [];
    const set = new Map(); // what is set → the lanes that have it
    const add = (text, lane) => set.set(text, [...set.get(text) ?? [], lane]);
    for (const lane of app.lanes.values()) {
      for (const [name, value] of parse(app.lab.state.faults?.[lane.name])) {
        if (name !== 'delay') add(value === '' ? name : `${name}=${value}`, lane); // the round trip stands in the toolbar
      }
    }
    for (const [text, lanes] of set) {
      const [name] = text.split('=');
      chips.push(this.#chip(lanes, text, () => this.#set(lanes.map((lane) => lane.name), { [name]: undefined })));
    }
    const through = [...app.lanes.values()].filter((lane) => app.lab.state.nginx?.[lane.name]);
    if (through.length) chips.push(this.#chip(through, 'nginx', () => this.#through(through.map((lane) => lane.name), false)));
    const asleep = [...app.lanes.values()].filter((lane) => lane.stalled);
    if (asleep.length) chips.push(this.#chip(asleep, t('shell.faults.reads-nothing'), () => this.#stall(asleep, false)));
    const away = app.lab.state.down > 0 && app.lab.state.down / 1e6 > app.lab.now();
    return html`<div class="now" role="group" aria-label=${t('shell.faults.now')}>
      ${away ? html`<span class="chip warn">${t('shell.faults.away')}</span>` : nothing}
      ${chips.length ? chips : away ? nothing : html`<span class="small quiet">${t('shell.faults.nothing')}</span>`}
      <button class="mend" ?disabled=${!chips.length} @click=${() => this.#mend()}>${t('shell.faults.mend')}</button>
    </div>`;
  }

  #chip(lanes, text, remove) {
    const all = lanes.length === this.app.lanes.size;
    const names = all ? t('shell.faults.all') : lanes.map(({ title }) => title).join(', ');
    return html`<span class="chip">${all ? html`<b>${t('shell.faults.all-short')}</b>` : lanes.map(badge)}<code>${text}</code><button class="bare"
      aria-label=${t('shell.faults.remove', { fault: text, lane: names })} @click=${remove}>${icon(icons.close)}</button></span>`;
  }

  #row(fault) {
    const { name, own } = fault;
    const { app } = this;
    const real = own === 'buffer' && app.lab.description.nginx;
    return html`<li class="fault" data-fault=${name}>
      <div class="what">
        <h4>${t(`shell.faults.${name}.name`)}</h4>
        <div class="do">${own ? this[`own_${own}`]?.() : this.#buttons(fault)}</div>
      </div>
      <p>${t(`shell.faults.${name}.${own === 'buffer' && !real ? 'imitated' : 'what'}`, { version: app.lab.description.nginx ?? '' })}</p>
      <p class="guess">${t(`shell.faults.${name}.guess`)}</p>
      ${own === 'streams' ? html`<push-streams .app=${app}></push-streams>` : nothing}
      ${own === 'restart' ? this.#restartChoices() : nothing}
    </li>`;
  }

  #buttons({ name, once, part, value }) {
    return html`
      ${once ? html`<button @click=${() => this.#once(once)}><span class="hidden-text">${t(`shell.faults.${name}.name`)}: </span>${t('shell.faults.once')}</button>` : nothing}
      ${part ? this.#toggle(name, () => this.#pressed((faults) => parse(faults).get(part) === value), (on) => this.#set(this.#targets(), { [part]: on ? value : undefined }), once ? 'lasting' : 'on') : nothing}`;
  }

  /** #toggle is a button that stays. pressed tells whether it is: true, false or 'mixed'; it is asked again when it counts. */
  #toggle(name, pressed, set, word = 'on') {
    return html`<button aria-pressed=${String(pressed())} @click=${() => set(pressed() !== true)}><span
      class="hidden-text">${t(`shell.faults.${name}.name`)}: </span>${t(`shell.faults.${word}`)}</button>`;
  }

  #pressed(test) {
    const { faults = {} } = this.app.lab.state;
    return same(this.#targets().map((lane) => test(faults[lane])));
  }

  own_restart() {
    return html`<button @click=${() => this.app.attempt('server', { do: 'restart', down: '3s', ...this.#restart })}>${t('shell.faults.restart.do')}</button>`;
  }

  #restartChoices() {
    const choice = (key, value, label) => html`<label><input type="radio" name="restart-${key}" .checked=${this.#restart[key] === value}
      @change=${() => { this.#restart = { ...this.#restart, [key]: value }; this.drawNow(); }}>${label}</label>`;
    return html`<div class="row">
      <span class="switch tight" role="radiogroup" aria-label=${t('shell.faults.restart.log')}>
        ${choice('log', 'kept', t('shell.faults.restart.kept'))}${choice('log', 'lost', t('shell.faults.restart.lost'))}</span>
      <span class="switch tight" role="radiogroup" aria-label=${t('shell.faults.restart.manner')}>
        ${choice('polite', true, t('shell.faults.restart.polite'))}${choice('polite', false, t('shell.faults.restart.crash'))}</span>
    </div>`;
  }

  own_stall() {
    const lanes = this.#targets().map((name) => this.app.lanes.get(name));
    const stalled = () => same(lanes.map((lane) => lane.stalled || parse(this.app.lab.state.faults?.[lane.name]).has(readsNothing)));
    return this.#toggle('stall', stalled, (on) => this.#stall(lanes, on));
  }

  own_offline() {
    return html`<button aria-pressed=${this.#offline} @click=${() => this.#goOffline(!this.#offline)}>${t(this.#offline ? 'shell.faults.offline.back' : 'shell.faults.offline.do')}</button>`;
  }

  own_buffer() {
    const { lab } = this.app;
    const on = () => lab.description.nginx
      ? same(this.#targets().map((lane) => Boolean(lab.state.nginx?.[lane])))
      : this.#pressed((text) => parse(text).has(buffering));
    return this.#toggle('buffer', on, (now) => this.#buffer(now));
  }

  own_streams() { return nothing; }
  own_hidden() { return nothing; }

  #targets() {
    return this.#target === 'all' ? [...this.app.lanes.keys()] : [this.#target];
  }

  #once(what) {
    return this.app.attempt('fault', { lane: this.#target, ...what });
  }

  async #set(lanes, patch) {
    const { faults = {} } = this.app.lab.state;
    const texts = Object.fromEntries(lanes.map((lane) => [lane, change(faults[lane], patch)]));
    const commands = lanes.length === this.app.lanes.size ? faultCommands(texts) : lanes.map((lane) => ({ lane, set: texts[lane] || 'none' }));
    for (const command of commands) await this.app.attempt('fault', command);
  }

  /** #stall has the clients read nothing; where a browser does not let them, the proxies do. */
  async #stall(lanes, on) {
    const left = [];
    for (const lane of lanes) {
      if (lane.stall(on)) this.app.trace.laneState(lane.name, lane.state, t(on ? 'shell.faults.stall.began' : 'shell.faults.stall.ended'), this.app.lab.now());
      else if (on || parse(this.app.lab.state.faults?.[lane.name]).has(readsNothing)) left.push(lane.name);
    }
    if (left.length) await this.#set(left, { [readsNothing]: on ? '' : undefined });
    if (left.length && on) this.app.notice('warn', t('shell.faults.stall.imitated'));
    this.draw();
  }

  async #goOffline(on) {
    this.#offline = on;
    await this.#set([...this.app.lanes.keys()], { blackhole: on ? '' : undefined });
    dispatchEvent(new Event(on ? 'offline' : 'online'));
    this.draw();
  }

  #buffer(on) {
    if (!this.app.lab.description.nginx) return this.#set(this.#targets(), { [buffering]: on ? imitation : undefined });
    return this.#through(this.#targets(), on);
  }

  /** #through puts nginx between, or takes it away. */
  async #through(lanes, on) {
    const how = { on, buffering: true, obeyAccel: false, readTimeout: '60s', gzip: false };
    if (lanes.length === this.app.lanes.size) await this.app.attempt('nginx', { lane: 'all', ...how });
    else for (const lane of lanes) await this.app.attempt('nginx', { lane, ...how });
  }

  async #mend() {
    this.#offline = false;
    await this.app.mend();
    this.draw();
  }

  #close() {
    this.app.set({ breaking: false });
    if (this.#back?.isConnected) this.#back.focus();
  }
}
customElements.define('push-faults', Faults);

/** same returns what all values are, 'mixed' if they differ. */
function same(values) {
  return values.every((value) => value === values[0]) ? values[0] ?? false : 'mixed';
}
