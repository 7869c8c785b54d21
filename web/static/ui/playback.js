/**
 * <push-playback>: which time is shown. Stop, go back over the last five minutes, go from item to item, find an event by
 * its number, choose how much time fits into the picture, and come back to the present.
 */
import { Element, html, icon, icons, seqOf } from './element.js';
import { endOf, live, now, pause, show, spans, step, toggle } from './moment.js';
import { clockTime } from './words.js';
import { t } from '../text.js';

const older = 'M10.5 2.5v11L3.5 8z';
const newer = 'M5.5 2.5v11l7-5.5z';

class Playback extends Element {
  static pace = 200;
  #missing = '';

  template(app) {
    const { view, trace } = app;
    const newest = now(app);
    const end = Math.min(newest, endOf(app));
    const isLive = !view.paused && trace.live;
    const start = trace.start;
    return html`<div class="playback" role="group" aria-label=${t('trace.playback.title')} @keydown=${(event) => this.#key(event)}>
      <button class="toggle ${isLive ? '' : 'primary'}" ?disabled=${!trace.live} @click=${() => toggle(app)} title=${t('trace.playback.key', { key: t('trace.playback.space') })}>
        ${icon(isLive ? icons.pause : icons.run)} ${t(isLive ? 'trace.playback.stop' : 'trace.playback.back')}</button>
      <span class="steps" role="group" aria-label=${t('trace.playback.items')}>
        <button @click=${() => step(app, -1)} aria-label=${t('trace.playback.older')} title=${t('trace.playback.older')}>${icon(older)}</button>
        <button @click=${() => step(app, 1)} aria-label=${t('trace.playback.newer')} title=${t('trace.playback.newer')}>${icon(newer)}</button>
      </span>
      <div class="scrub">
        <input type="range" min=${Math.floor(start)} max=${Math.ceil(newest)} step="any" .value=${String(end)}
          aria-label=${t('trace.playback.time')} aria-valuetext=${isLive ? t('trace.playback.live-at', { time: clockTime(end, 1) }) : clockTime(end, 1)}
          @input=${({ target }) => pause(app, Number(target.value))}>
        <div class="ticks" aria-hidden="true">${this.#ticks(start, newest)}</div>
      </div>
      <output class="time num">${isLive ? t('trace.playback.live') : clockTime(end, 1)}</output>
      <form class="jump" @submit=${(event) => this.#jump(event)}>
        <label class="label" for="jump-to">${t('trace.playback.event')}</label>
        <input id="jump-to" name="id" size="6" autocomplete="off" spellcheck="false" placeholder=${String(seqOf(trace.log.head) || 1)}
          aria-describedby="jump-missing" @input=${() => this.#say('')}>
        <button>${t('trace.playback.jump')}</button>
        <span id="jump-missing" class="warn small" role="status">${this.#missing}</span>
      </form>
      <label class="spans"><span class="label">${t('trace.playback.span')}</span>
        <select .value=${String(view.span)} @change=${({ target }) => app.set({ span: Number(target.value) })}>
          ${(spans.includes(view.span) ? spans : [view.span, ...spans]).map((span) => html`<option value=${span} ?selected=${span === view.span}>${spanText(span)}</option>`)}
        </select></label>
    </div>`;
  }

  drawn() {
    for (const tick of this.querySelectorAll('.ticks > *')) tick.style.setProperty('inset-inline-start', `${tick.dataset.at}%`);
  }

  /** #ticks marks where something was broken: what happened in one place is one mark. */
  #ticks(start, newest) {
    const places = new Map();
    for (const { lane, kind, at, ref } of this.app.trace.incidents.list) {
      if (at < start) continue;
      const place = Math.round((200 * (at - start)) / (newest - start || 1)) / 2;
      places.set(place, { kind, lane: places.has(place) ? null : lane, ref });
    }
    return [...places].map(([place, { kind }]) => html`<i data-at=${place} class=${kind === 'burst' || kind === 'queued' ? 'warn' : 'bad'}></i>`);
  }

  #jump(submit) {
    submit.preventDefault();
    const { trace, view } = this.app;
    const asked = new FormData(submit.target).get('id').trim().replace(/^#/, '');
    if (!asked) return;
    const { log } = trace;
    const id = asked.includes('-') ? asked : `${log.head.slice(0, log.head.lastIndexOf('-'))}-${asked}`;
    const item = [...view.lanes].map((lane) => trace.byId(lane, id)).filter(Boolean).sort((a, b) => a.at - b.at)[0];
    if (item) show(this.app, item);
    this.#say(item ? '' : t('trace.playback.missing', { id: asked }));
  }

  #say(text) {
    if (text === this.#missing) return;
    this.#missing = text;
    this.draw();
  }

  #key(event) {
    if (event.target.matches('input:not([type=range]), select') || event.altKey || event.ctrlKey || event.metaKey) return;
    const scrubs = event.target.matches('input[type=range]');
    const app = this.app;
    const keys = {
      ' ': () => toggle(app),
      End: () => live(app),
      Home: () => pause(app, app.trace.start + app.view.span),
      ...(scrubs ? {
        ArrowLeft: () => pause(app, endOf(app) - app.view.span / 10),
        ArrowRight: () => pause(app, endOf(app) + app.view.span / 10),
        PageDown: () => pause(app, endOf(app) - app.view.span),
        PageUp: () => pause(app, endOf(app) + app.view.span),
      } : { ArrowLeft: () => step(app, -1), ArrowRight: () => step(app, 1) }),
      ArrowUp: () => step(app, 1),
      ArrowDown: () => step(app, -1),
    };
    if (!keys[event.key] || (event.key === ' ' && event.target.matches('button'))) return; // a button is pressed by it
    event.preventDefault();
    keys[event.key]();
  }
}

function spanText(ms) {
  if (ms < 1000) return t('trace.playback.milliseconds', { n: Math.round(ms) });
  return ms < 60_000 ? t('trace.playback.seconds', { n: Math.round(ms / 100) / 10 }) : t('trace.playback.minutes', { n: Math.round(ms / 6000) / 10 });
}

customElements.define('push-playback', Playback);
