/**
 * <push-publish>: upstream. The same text by every lane: as a frame on the connection that is open, or as a request of its
 * own; how long it took, and what it cost on the wire, as the tap has counted it.
 */
import { Element, badge, bytes, html, milliseconds, nothing } from './element.js';
import { t } from '../text.js';

const patience = 1500; // milliseconds after which the tap has told what it will
const slack = 20; // by which the clocks of page and lab may differ

class Publish extends Element {
  static events = ['frame', 'trace', 'reset'];
  static pace = 200;
  #text = t('shell.publish.example');
  #results = new Map(); // lane → { pending } or { id, ms, by, up, down, parts } or { error }

  connect(app) {
    app.addEventListener('reset', () => this.#results.clear());
  }

  template(app) {
    const results = [...this.#results.values()].filter(({ ms }) => ms !== undefined);
    const slowest = Math.max(1, ...results.map(({ ms }) => ms));
    const largest = Math.max(1, ...results.map(({ up = 0, down = 0 }) => up + down));
    return html`<section class="panel publish" aria-labelledby="publish-title">
      <header><h2 id="publish-title">${t('shell.publish.title')}</h2></header>
      <form @submit=${(event) => { event.preventDefault(); this.#all(); }}>
        <label class="field text"><span class="label">${t('shell.publish.text')}</span>
          <input name="text" autocomplete="off" .value=${this.#text} @input=${({ target }) => { this.#text = target.value; }}></label>
        <button class="primary" ?disabled=${!app.live}>${t('shell.publish.all')}</button>
      </form>
      <div class="scroll-x"><table>
        <caption class="hidden-text">${t('shell.publish.caption')}</caption>
        <thead><tr><th>${t('shell.publish.lane')}</th><th>${t('shell.publish.by')}</th><th>${t('shell.publish.trip')}</th><th>${t('shell.publish.bytes')}</th></tr></thead>
        <tbody>${[...app.lanes.values()].map((lane) => this.#row(lane, slowest, largest))}</tbody>
      </table></div>
      <p class="small quiet">${t('shell.publish.about')}</p>
    </section>`;
  }

  #row(lane, slowest, largest) {
    const result = this.#results.get(lane.name);
    const by = lane.name === 'websocket' ? 'frame' : 'post';
    const size = (part) => `--size: ${100 * part}%`;
    return html`<tr data-lane=${lane.name}>
      <td><button class="bare lane" ?disabled=${!this.app.live} title=${t('shell.publish.one', { lane: lane.title })}
        @click=${() => this.#one(lane)}>${badge(lane)}<span class="hidden-text">${t('shell.publish.by-lane')}</span><span>${lane.title}</span></button></td>
      <td>${t(`shell.publish.ways.${by}`)}</td>
      ${!result ? html`<td class="quiet">–</td><td class="quiet">–</td>`
        : result.error ? html`<td colspan="2" class="bad">${result.error}</td>`
        : result.pending ? html`<td colspan="2" class="quiet">${t('shell.publish.sending')}</td>`
        : html`<td><span class="num">${milliseconds(result.ms)}</span><span class="bar" .style=${size(result.ms / slowest)}></span></td>
          <td>${result.up === undefined ? html`<span class="quiet">${t('shell.publish.counting')}</span>`
            : html`<span class="num">${t('shell.publish.up-down', { up: bytes(result.up), down: bytes(result.down) })}</span>
              <span class="bar" .style=${size(result.up / largest)}></span><span class="bar down" .style=${size(result.down / largest)}></span>`}
            ${result.connection ? html`<span class="small quiet">${t('shell.publish.new-connection')}</span>` : nothing}</td>`}
    </tr>`;
  }

  /** #all sends by all lanes, one after the other, so that none waits for another. */
  async #all() {
    for (const lane of this.app.lanes.values()) await this.#one(lane);
  }

  async #one(lane) {
    const { app } = this;
    const before = app.lab.now();
    this.#results.set(lane.name, { pending: true });
    this.drawNow();
    try {
      const answer = await lane.publish(this.#text);
      const result = { ...answer };
      this.#results.set(lane.name, result);
      this.drawNow();
      await this.#count(lane, result, answer.began ?? before);
    } catch (error) {
      this.#results.set(lane.name, { error: error.message });
    }
    this.drawNow();
  }

  /** #count waits until the tap has told of what was sent and answered, and adds it up. */
  async #count(lane, result, began) {
    const deadline = performance.now() + patience;
    const to = began + result.ms + slack;
    for (;;) {
      const items = this.app.trace.range(began - slack, to).filter((item) => item.lane === lane.name && item.at >= began - slack);
      const sent = items.find((item) => item.dir === 'up' && (result.by === 'frame' ? item.kind === 'message' || item.kind === 'frame' : item.kind === 'request' && /publish/.test(item.label ?? '')));
      const answer = sent && items.find((item) => item.dir === 'down' && item.conn === sent.conn && (result.by === 'frame'
        ? (item.kind === 'message' || item.kind === 'control') && item.kind !== 'event' : item.kind === 'response' && item.exchange === sent.exchange));
      if (sent && answer) {
        Object.assign(result, { up: sent.length ?? 0, down: answer.length ?? 0, connection: items.some((item) => item.kind === 'open' && item.conn === sent.conn) });
        return;
      }
      if (performance.now() > deadline) break;
      await new Promise((resolve) => this.app.trace.addEventListener('change', resolve, { once: true }));
    }
    Object.assign(result, { up: NaN, down: NaN });
  }
}
customElements.define('push-publish', Publish);
