/**
 * <push-lanes>: which lanes are shown. Where there is room, each can be switched off; on a phone one is shown at a time,
 * or two to compare, and a swipe over the events leads to the next.
 */
import { Element, badge, html } from './element.js';
import { t } from '../text.js';

const narrow = matchMedia('(max-width: 699px)');
const longEnough = 60; // CSS pixels

class Lanes extends Element {
  static events = ['view'];
  #compare = false;
  #last = 'sse'; // the one that was chosen last

  connect(app) {
    const fit = () => {
      const all = [...app.lanes.keys()];
      app.set({ lanes: new Set(narrow.matches ? ['sse'] : all) });
    };
    narrow.addEventListener('change', fit);
    if (narrow.matches) fit();
    // A lesson can ask for more lanes than a phone has room for.
    app.addEventListener('view', ({ detail }) => {
      if (!narrow.matches || !detail.includes('lanes')) return;
      const { lanes } = app.view;
      if (lanes.size > 2) app.set({ lanes: new Set([lanes.has(this.#last) ? this.#last : [...lanes][0]]) });
      else this.#last = [...lanes].at(-1);
      this.#compare = app.view.lanes.size === 2;
    });
    this.#swipe(document.querySelector('push-timeline'));
  }

  template(app) {
    const { lanes } = app.view;
    return html`<div class="lane-switches no-print" role="group" aria-label=${t('shell.lanes.title')}>
      <span class="name" aria-hidden="true">${t('shell.lanes.shown')}</span>
      ${[...app.lanes.values()].map((lane) => html`<button data-lane=${lane.name} aria-pressed=${lanes.has(lane.name)} aria-label=${lane.title} title=${lane.title}
        @click=${() => this.#press(lane.name)}>${badge(lane)}</button>`)}
      <button class="compare" aria-pressed=${this.#compare} @click=${() => this.#toggle()}>${t('shell.lanes.compare')}</button>
    </div>`;
  }

  #press(name) {
    const lanes = new Set(this.app.view.lanes);
    if (narrow.matches) {
      const before = [...lanes].at(-1);
      this.app.set({ lanes: new Set(this.#compare && before !== name ? [before, name] : [name]) });
      return;
    }
    if (!lanes.delete(name)) lanes.add(name);
    else if (!lanes.size) return; // one has to be left
    this.app.set({ lanes: new Set([...this.app.lanes.keys()].filter((lane) => lanes.has(lane))) });
  }

  #toggle() {
    this.#compare = !this.#compare;
    const last = [...this.app.view.lanes].at(-1);
    const other = last === 'websocket' ? 'sse' : 'websocket';
    this.app.set({ lanes: new Set(this.#compare ? [last, other] : [last]) });
    this.drawNow();
  }

  #swipe(element) {
    let start;
    element?.addEventListener('pointerdown', (event) => {
      start = event.pointerType === 'touch' && narrow.matches ? event : undefined;
    });
    element?.addEventListener('pointerup', (event) => {
      if (!start || start.pointerId !== event.pointerId) return;
      const x = event.clientX - start.clientX;
      if (Math.abs(x) < longEnough || Math.abs(event.clientY - start.clientY) > Math.abs(x) / 2) return;
      const all = [...this.app.lanes.keys()];
      const place = all.indexOf([...this.app.view.lanes].at(-1)) + (x < 0 ? 1 : -1);
      if (all[place]) this.#press(all[place]);
    });
  }
}
customElements.define('push-lanes', Lanes);
