/**
 * <push-first>: what to do first. One button cuts a lane; beside it stands what comes of it, from the break to the
 * events that were replayed. It breaks nothing that the panel of faults could not break, and tells what the story tells.
 */
import { Element, badge, html, icon, icons, milliseconds, nothing, seqOf } from './element.js';
import { clock, firstBreak, outcome, waiting } from './breaks.js';
import { live, now, show } from './moment.js';
import { t } from '../text.js';

const settling = 1500; // ms after a return in which what was replayed is still coming

class First extends Element {
  static pace = 200;
  #lane; // the one that was cut
  #since; // when, on the lab's clock

  template(app) {
    const lane = app.lanes.get(this.#lane);
    return html`<div class="start-here">${lane && app.live ? this.#told(lane) : html`
      <span class="new">${t('shell.first.new')}</span>
      <button class="primary" ?disabled=${!app.live} @click=${() => this.#cut(this.#choose())}>${icon(icons.break)} ${t('shell.first.cut')}</button>
      <p class="small quiet">${t('shell.first.about')}</p>`}</div>`;
  }

  /** #told says how far it is: cut, waiting, back. */
  #told(lane) {
    const { app } = this;
    const b = firstBreak(app, lane.name, this.#since);
    const over = b?.back !== undefined && (b.lost !== undefined || app.trace.now - b.back > settling);
    return html`<p class="told" data-stage=${over ? 'back' : 'cut'}>${badge(lane)}
        <span>${over ? this.#back(lane, b) : this.#away(lane, b)}</span></p>
      ${over ? html`<span class="then">
        ${b.after ? html`<button @click=${() => this.#show(b)}>${t('shell.first.asked')}</button>` : nothing}
        <button @click=${() => this.#cut(this.#choose(lane.name))}>${t('shell.first.next', { lane: app.lanes.get(this.#choose(lane.name)).title })}</button></span>` : nothing}`;
  }

  #away(lane, b) {
    const left = waiting(this.app, lane);
    return html`<b>${t('shell.first.is-cut', { lane: lane.title })}</b>
      ${b && b.back === undefined ? t('shell.first.waits', { time: clock(now(this.app) - b.at) }) : nothing}
      ${left ? t('shell.first.kept', { n: left }) : nothing}`;
  }

  #back(lane, b) {
    const asked = b.after ? t('shell.first.after', { id: seqOf(b.after) }) : '';
    const what = outcome(b).join(', ');
    return html`<b>${t('shell.first.is-back', { lane: lane.title, time: milliseconds(b.back - b.at) })}</b> ${asked} ${what ? t('shell.first.outcome', { what: capital(what) }) : nothing}`;
  }

  /** #choose returns the lane to cut: the one behind another, or one that is to be seen, best EventSource, which waits. */
  #choose(before) {
    const { lanes, view } = this.app;
    const names = [...lanes.keys()];
    const place = names.indexOf(before);
    const order = before ? [...names.slice(place + 1), ...names.slice(0, place)] : ['sse', ...names];
    const shown = order.filter((name) => before || view.lanes.has(name));
    return shown.find((name) => lanes.get(name).state === 'open') ?? shown[0] ?? 'sse';
  }

  async #cut(name) {
    const { app } = this;
    if (!app.view.lanes.has(name)) app.set({ lanes: new Set([name]) });
    if (app.view.paused) live(app);
    if (!(app.lab.state.source.rate > 0)) await app.attempt('source', { rate: 1 }); // what never comes cannot be missed
    this.#lane = name;
    this.#since = app.lab.now() - 100;
    this.drawNow();
    await app.attempt('fault', { lane: name, cut: 'fin' });
  }

  /** #show selects the request by which the client came back: its bytes say what it had seen last. */
  #show(b) {
    const { app } = this;
    const request = app.trace.items.find(({ lane, kind, at, label = '' }) => lane === b.lane && kind === 'request' && at >= b.at && label.startsWith('GET'));
    if (!request) return;
    show(app, request);
    const detail = document.querySelector('push-detail');
    detail.tabIndex = -1;
    detail.focus({ preventScroll: true });
    detail.scrollIntoView({ block: 'start' });
  }
}
customElements.define('push-first', First);

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
