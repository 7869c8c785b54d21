/** <push-notices>: what went wrong, and what to do. A notice stays until it is put away. */
import { Element, html, icon, icons, nothing } from './element.js';
import { t } from '../text.js';

const most = 3;

class Notices extends Element {
  static events = [];
  #notices = [];

  connect(app) {
    app.addEventListener('notice', ({ detail }) => {
      this.#notices = [...this.#notices.filter(({ text }) => text !== detail.text), detail].slice(-most);
      this.drawNow();
    });
  }

  template() {
    return html`<div class="notices" role="alert">${this.#notices.map((notice) => html`
      <div class="note ${notice.kind}">
        <p>${notice.text}</p>
        ${notice.action ? html`<button @click=${notice.action.run}>${notice.action.label}</button>` : nothing}
        <button class="bare" aria-label=${t('shell.close')} @click=${() => this.#close(notice)}>${icon(icons.close)}</button>
      </div>`)}</div>`;
  }

  #close(notice) {
    this.#notices = this.#notices.filter((other) => other !== notice);
    this.drawNow();
  }
}
customElements.define('push-notices', Notices);
