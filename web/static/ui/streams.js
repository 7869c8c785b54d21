/**
 * <push-streams>: more streams than a browser opens to one host, to see which of them wait, and what makes them go.
 *
 * Over HTTP/1.1 a browser opens six connections to a host and keeps further requests back, without a word; WebSockets are
 * not counted among them, and HTTP/2 has room for a hundred streams in one connection.
 */
import { Element, html, milliseconds, nothing } from './element.js';
import { t } from '../text.js';

const most = 12;
const places = ['one', 'separate', 'h2'];
const kinds = ['sse', 'websocket'];

class Streams extends Element {
  static events = [];
  #streams = []; // { close, state: 'waiting' | 'open' | 'failed' }
  #count = 7;
  #place = 'one';
  #kind = 'sse';
  #asked; // { at, ms, failed }: a request to the same host

  /** connect has the streams make room: a lesson counts connections, and what a reset leaves must be as it was. */
  connect(app) {
    for (const name of ['reset', 'trace']) app.addEventListener(name, () => this.#closeAll());
    app.addEventListener('view', ({ detail }) => detail?.includes('lesson') && app.view.lesson && this.#closeAll());
  }

  template(app) {
    const { h2 } = app.lab.description;
    const open = this.#streams.filter(({ state }) => state === 'open').length;
    const waiting = this.#streams.filter(({ state }) => state === 'waiting').length;
    const running = this.#streams.length > 0;
    const choose = (name, values, value, set) => html`<span class="switch tight" role="radiogroup" aria-label=${t(`shell.streams.${name}`)}>
      ${values.map((one) => html`<label><input type="radio" name="streams-${name}" .checked=${one === value} ?disabled=${running}
        @change=${() => { set(one); this.drawNow(); }}>${t(`shell.streams.${name}s.${one}`)}</label>`)}</span>`;
    return html`<div class="streams">
      <div class="row">
        <label class="count"><span class="label">${t('shell.streams.count')}</span>
          <input type="number" min="1" max=${most} .value=${String(this.#count)} ?disabled=${running}
            @change=${({ target }) => { this.#count = Math.min(most, Math.max(1, Math.round(Number(target.value)) || 1)); this.drawNow(); }}></label>
        ${choose('kind', kinds, this.#kind, (kind) => { this.#kind = kind; })}
        ${choose('place', h2 ? places : places.slice(0, 2), this.#place, (place) => { this.#place = place; })}
      </div>
      <div class="row">
        ${running
          ? html`<button @click=${() => this.#closeAll()}>${t('shell.streams.close')}</button>
            <button @click=${() => this.#ask()}>${t('shell.streams.ask')}</button>`
          : html`<button @click=${() => this.#openAll()} ?disabled=${!app.live}>${t('shell.streams.open', { n: this.#count })}</button>`}
        ${this.#asked ? html`<span class="small">${this.#answer()}</span>` : nothing}
      </div>
      ${running ? html`<ol class="places" aria-label=${t('shell.streams.list')}>
          ${this.#streams.map(({ state }, i) => html`<li data-state=${state} title=${t(`shell.streams.states.${state}`)}>${i + 1}<span class="hidden-text"> ${t(`shell.streams.states.${state}`)}</span></li>`)}
        </ol>
        <p class="small" role="status">${t('shell.streams.sum', { open, waiting })}</p>` : nothing}
    </div>`;
  }

  #address(i) {
    const { lab } = this.app;
    const lane = this.#kind;
    const path = `/${lane}`;
    if (this.#place === 'h2') return lab.laneURL(lane, path, { h2: true });
    return lab.laneURL(lane, path, { host: this.#place === 'separate' ? `s${i + 1}` : '' });
  }

  async #openAll() {
    if (this.#place === 'h2' && !await this.app.trusts()) return;
    this.#streams = Array.from({ length: this.#count }, (_, i) => {
      const stream = { state: 'waiting' };
      const become = (state) => () => {
        stream.state = state;
        this.draw();
      };
      if (this.#kind === 'websocket') {
        const socket = new WebSocket(this.#address(i).replace(/^http/, 'ws'), 'pushlab.v1');
        socket.onopen = become('open');
        socket.onerror = become('failed');
        stream.close = () => socket.close();
      } else {
        const source = new EventSource(this.#address(i));
        source.onopen = become('open');
        source.onerror = become('failed'); // it tries again, perhaps with more luck
        stream.close = () => source.close();
      }
      return stream;
    });
    this.drawNow();
  }

  #closeAll() {
    for (const { close } of this.#streams) close();
    this.#streams = [];
    this.#asked = undefined;
    this.drawNow();
  }

  /** #ask asks the same host something small: what every other request to it goes through now. */
  async #ask() {
    const asked = this.#asked = { at: performance.now() };
    const ticking = setInterval(() => this.drawNow(), 250);
    try {
      await fetch(new URL('/healthz', this.#address(0)), { cache: 'no-store', signal: AbortSignal.timeout(20_000) });
    } catch (error) {
      asked.failed = error.name === 'TimeoutError' ? 'timeout' : 'error';
    }
    asked.ms = performance.now() - asked.at;
    clearInterval(ticking);
    this.drawNow();
  }

  #answer() {
    const { at, ms, failed } = this.#asked;
    if (failed) return t(`shell.streams.${failed}`, { time: milliseconds(ms) });
    return ms === undefined ? t('shell.streams.asking', { time: milliseconds(performance.now() - at) }) : t('shell.streams.answered', { time: milliseconds(ms) });
  }
}
customElements.define('push-streams', Streams);
