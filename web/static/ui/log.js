/**
 * <push-log>: everything as a table, the newest first. It follows what happens until somebody scrolls away; then it
 * stays as it is, and a button leads back. Rows are those of the timeline: what is selected here is selected there.
 *
 * It shows 500 rows at most, and fewer while so much happens that nobody could read them.
 */
import { repeat } from '../vendor/lit-html.js';
import { Element, badge, html, nothing, shortId } from './element.js';
import { endOf, show } from './moment.js';
import { clockTime, family, isMark, kindName, words } from './words.js';
import { number, t } from '../text.js';

const most = 500;
const many = 60; // rows: when more than that come between two drawings, it hurries,
const glance = 24; // and shows as many as there is room for,
const calm = 2000; // until for so many ms it was less
const families = ['events', 'http', 'control', 'connections', 'faults'];

class Log extends Element {
  #lanes = new Set(); // chosen; none: all
  #family = '';
  #text = '';
  #following = true;
  #kept; // { items, hidden } while somebody reads
  #busy = -Infinity; // when there was more than can be read
  #hurry = false;
  #rest; // the timer that ends a hurry
  #last; // the newest item that was shown
  #shown = [];
  #selected;

  /** What nobody can read need not be drawn as often: to lay out a table takes longer than all else. */
  get pace() { return this.#hurry ? 500 : 200; }

  template(app) {
    const { items, hidden, fresh } = this.#rows();
    this.#shown = items;
    const { selected } = app.view;
    const row = (item) => this.#row(item, item.ref === selected); // in a hurry rows are written over: to make new ones takes longer
    const found = items.some(({ ref }) => ref === selected);
    return html`<section class="panel log" aria-labelledby="log-title">
      <header><h2 id="log-title">${t('trace.log.title')}</h2>
        <span class="quiet small num">${hidden ? t('trace.log.hidden', { n: hidden }) : t('trace.log.all', { n: items.length })}</span></header>
      <div class="filters no-print">
        <span class="lanes" role="group" aria-label=${t('trace.log.lanes')}>${[...app.lanes.values()].map((lane) => html`
          <button class="bare" data-lane=${lane.name} aria-pressed=${this.#lanes.has(lane.name)} aria-label=${lane.title} title=${lane.title}
            @click=${() => this.#pressLane(lane.name)}>${badge(lane)}</button>`)}</span>
        <select aria-label=${t('trace.log.kind')} @change=${({ target }) => this.#filter(() => { this.#family = target.value; })}>
          <option value="">${t('trace.log.every')}</option>
          ${families.map((name) => html`<option value=${name} ?selected=${name === this.#family}>${t(`trace.families.${name}`)}</option>`)}
        </select>
        <input type="search" aria-label=${t('trace.log.text')} placeholder=${t('trace.log.text')} .value=${this.#text}
          @input=${({ target }) => this.#filter(() => { this.#text = target.value; })}>
        ${this.#following ? nothing : html`<button class="newest" @click=${() => this.#follow()}>${fresh ? t('trace.log.newest-since', { n: fresh }) : t('trace.log.newest')}</button>`}
      </div>
      <div class="rows" @scroll=${({ target }) => this.#scrolled(target)}>
        <table role="grid" id="log-table" tabindex="0" aria-label=${t('trace.log.title')} aria-readonly="true"
          aria-activedescendant=${found ? `log-${selected}` : nothing} @keydown=${(event) => this.#key(event)} @click=${(event) => this.#click(event)}>
          <thead><tr>${['time', 'lane', 'direction', 'type', 'id', 'size', 'label'].map((name) => html`<th scope="col" class="c-${name}">${t(`trace.log.columns.${name}`)}</th>`)}</tr></thead>
          <tbody>${this.#hurry ? items.map(row) : repeat(items, ({ ref }) => ref, row)}</tbody>
        </table>
        ${items.length ? nothing : html`<p class="quiet small">${t(app.trace.items.length ? 'trace.log.none' : 'trace.log.empty')}</p>`}
      </div>
    </section>`;
  }

  #row(item, selected) {
    const lane = this.app.lanes.get(item.lane);
    const way = isMark(item) ? '' : item.dir;
    return html`<tr id="log-${item.ref}" data-ref=${item.ref} data-lane=${item.lane ?? nothing} data-family=${family(item)} aria-selected=${selected}>
      <td class="num">${clockTime(item.at)}</td>
      <td>${lane ? html`${badge(lane)}<span class="hidden-text">${lane.title}</span>` : nothing}</td>
      <td>${way ? html`<span aria-hidden="true">${way === 'up' ? '↑' : '↓'}</span><span class="hidden-text">${t(`trace.directions.${way}`)}</span>` : nothing}</td>
      <td class="type">${item.kind === 'event' && item.replay ? '↻ ' : nothing}${kindName(item)}</td>
      <td class="num mono">${item.id ? html`<span title=${item.id}>${shortId(item.id)}</span>` : nothing}</td>
      <td class="num">${isMark(item) || item.length === undefined ? nothing : number(item.length)}</td>
      <td class="label-cell">${words(item)}</td>
    </tr>`;
  }

  drawn() {
    if (this.#hurry) this.#rest ??= setTimeout(() => { this.#rest = undefined; this.draw(); }, calm); // perhaps nothing comes any more
    const { selected } = this.app.view;
    if (selected === this.#selected) return;
    this.#selected = selected;
    const row = selected && this.querySelector(`[data-ref="${CSS.escape(selected)}"]`);
    if (!row) return;
    // Not scrollIntoView: that would scroll the page as well.
    const box = this.querySelector('.rows');
    const head = this.querySelector('thead').offsetHeight;
    const { offsetTop, offsetHeight } = row;
    if (offsetTop - head < box.scrollTop) box.scrollTop = offsetTop - head;
    else if (offsetTop + offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = offsetTop + offsetHeight - box.clientHeight;
  }

  /** #rows returns what is to be shown, how many more there are, and how many came since. */
  #rows() {
    const { trace, view } = this.app;
    const { items } = trace;
    const fresh = this.#last ? items.length - trace.bounds(this.#last.at, this.#last.at)[1] : 0;
    if (this.#kept) {
      this.#hurry = false;
      return { ...this.#kept, fresh };
    }
    let newest = items.length;
    if (view.paused || !trace.live) newest = trace.bounds(0, endOf(this.app))[1];
    const selected = view.selected && trace.find(view.selected);
    if (selected && view.paused) { // what was selected is among them
      const place = trace.bounds(selected.at, selected.at)[1];
      if (newest - place > most - 20) newest = Math.min(items.length, place + most / 2);
    }
    const time = performance.now();
    if (fresh > many) this.#busy = time;
    this.#hurry = this.#following && !view.paused && time - this.#busy < calm;
    const room = this.#hurry ? glance : most;
    const passes = this.#passes();
    const shown = [];
    let hidden = 0;
    for (let i = newest - 1; i >= 0; i--) {
      if (passes && !passes(items[i])) continue;
      if (shown.length < room) shown.push(items[i]);
      else if (passes) hidden++;
      else {
        hidden = i + 1;
        break;
      }
    }
    this.#last = items[newest - 1];
    return { items: shown, hidden, fresh };
  }

  /** #passes returns what the filters let through; undefined if that is all. */
  #passes() {
    const text = this.#text.trim().toLowerCase();
    if (!this.#lanes.size && !this.#family && !text) return undefined;
    return (item) => (!this.#lanes.size || this.#lanes.has(item.lane))
      && (!this.#family || family(item) === this.#family)
      && (!text || `${kindName(item)} ${item.id ?? ''} ${words(item)}`.toLowerCase().includes(text));
  }

  #filter(change) {
    change();
    this.#kept = undefined;
    this.#following = true;
    this.querySelector('.rows').scrollTop = 0;
    this.drawNow();
  }

  #pressLane(name) {
    this.#filter(() => {
      if (!this.#lanes.delete(name)) this.#lanes.add(name);
    });
  }

  #scrolled({ scrollTop }) {
    if (scrollTop > 24 && this.#following) {
      this.#following = false;
      const { items, hidden } = this.#rows(); // all 500, to read on
      this.#kept = { items, hidden };
      this.draw();
    } else if (scrollTop < 4 && !this.#following) {
      this.#follow();
    }
  }

  #follow() {
    this.#following = true;
    this.#kept = undefined;
    this.querySelector('.rows').scrollTop = 0;
    this.drawNow();
  }

  #click({ target }) {
    const ref = target.closest('[data-ref]')?.dataset.ref;
    const item = ref && this.app.trace.find(ref);
    if (item) this.app.select(ref);
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { app } = this;
    const rows = this.#shown;
    const place = rows.findIndex(({ ref }) => ref === app.view.selected);
    const go = (to) => {
      const item = rows[Math.max(0, Math.min(rows.length - 1, to))];
      if (item && app.trace.find(item.ref)) show(app, item);
    };
    const keys = {
      ArrowDown: () => go(place + 1),
      ArrowUp: () => go(place < 0 ? 0 : place - 1),
      PageDown: () => go(place + 10),
      PageUp: () => go(place - 10),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      Enter: () => this.#open(),
      Escape: () => app.select(null),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  #open() {
    if (!this.app.view.selected) return;
    const detail = document.querySelector('push-detail');
    if (detail && !detail.hasAttribute('tabindex')) detail.tabIndex = -1;
    detail?.focus();
  }
}

customElements.define('push-log', Log);
