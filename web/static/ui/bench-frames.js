/** A WebSocket of the workbench's own: frames from the page, and what comes back. */
import { html, nothing } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { excerpt } from './symbols.js';
import { until } from './until.js';

const topic = 'topic=workbench'; // nothing else comes, and the request can be told from that of the lane
const most = 60; // rows of the log

export class FramesBench {
  #app;
  #draw;
  #socket;
  #opened = 0; // when, on the lab's clock
  #log = []; // { what, text, sent: the number of a frame, opened }
  #count = 0; // frames that were sent

  constructor(app, draw) {
    this.#app = app;
    this.#draw = draw;
    app.addEventListener('reset', () => this.#socket?.close());
  }

  template() {
    const state = this.#socket?.readyState ?? -1;
    const open = state === WebSocket.OPEN;
    const submit = (run) => (event) => {
      event.preventDefault();
      run(new FormData(event.target));
    };
    return html`
      <p class="quiet workbench-intro">${t('detail.workbench.ws.intro')}</p>
      <div class="workbench-row">
        <button type="button" class="primary" ?disabled=${!this.#app.trace.live || state === 0 || open} @click=${() => this.#connect()}>${t('detail.workbench.ws.open')}</button>
        <span>${t('detail.workbench.ws.state')}: <b>${t(`detail.workbench.ws.states.${state}`)}</b></span>
      </div>
      <div class="workbench-frames">
        <form @submit=${submit((form) => this.#sendFrame(form.get('text')))}>
          <label class="field"><span class="label">${t('detail.workbench.ws.text')}</span>
            <textarea class="mono" name="text" rows="2" spellcheck="false">{"op":"publish","ref":"1","topic":"workbench","data":"Grüße"}</textarea></label>
          <button ?disabled=${!open}>${t('detail.workbench.ws.send-text')}</button>
        </form>
        <form @submit=${submit((form) => this.#sendBinary(form.get('binary')))}>
          <label class="field"><span class="label">${t('detail.workbench.ws.binary')}</span>
            <input class="mono" name="binary" value="00 ff f0 9f 99 82" spellcheck="false" autocomplete="off"></label>
          <p class="label">${t('detail.workbench.ws.note-binary')}</p>
          <button ?disabled=${!open}>${t('detail.workbench.ws.send-binary')}</button>
        </form>
        <form @submit=${submit((form) => this.#sendClose(form.get('code'), form.get('reason')))}>
          <div class="workbench-row">
            <label class="field"><span class="label">${t('detail.workbench.ws.code')}</span><input class="mono" name="code" value="1000" inputmode="numeric" autocomplete="off"></label>
            <label class="field"><span class="label">${t('detail.workbench.ws.reason')}</span><input class="mono" name="reason" value="done" autocomplete="off"></label>
          </div>
          <p class="label">${t('detail.workbench.ws.note-code')}</p>
          <button ?disabled=${!open}>${t('detail.workbench.ws.send-close')}</button>
        </form>
      </div>
      <h3>${t('detail.workbench.ws.log')}</h3>
      ${this.#log.length ? html`<ol class="workbench-log workbench-wire" tabindex="0" role="log" aria-label=${t('detail.workbench.ws.log')}>${this.#log.map((entry) => html`<li data-what=${entry.what}>
        <span class="label">${entry.what === 'sent' || entry.what === 'got' ? t(`detail.workbench.ws.${entry.what}`) : ''}</span>
        <code>${excerpt(entry.text, 200)}</code>
        ${entry.sent === undefined ? nothing : html`<button type="button" class="bare" @click=${() => this.#showFrame(entry)}>${t('detail.workbench.ws.show')}</button>`}</li>`)}</ol>`
    : html`<p class="quiet">${t('detail.workbench.ws.empty')}</p>`}`;
  }

  #note(what, text, sent) {
    this.#log.push({ what, text, sent, opened: this.#opened });
    if (this.#log.length > most) this.#log.shift();
    this.#draw();
  }

  #connect() {
    const { lab, trace } = this.#app;
    const address = lab.laneURL('websocket', `/websocket?${topic}`).replace(/^http/, 'ws');
    const socket = new WebSocket(address, 'pushlab.v1');
    this.#socket = socket;
    this.#opened = trace.now;
    this.#count = 0;
    socket.onopen = () => this.#note('open', t('detail.workbench.ws.was-opened', { protocol: socket.protocol || '–' }));
    socket.onmessage = ({ data }) => this.#note('got', String(data));
    socket.onclose = ({ code, reason, wasClean }) => this.#note('closed', t('detail.workbench.ws.was-closed', { code: String(code), reason, clean: t(wasClean ? 'detail.workbench.ws.clean' : 'detail.workbench.ws.unclean') }));
    this.#draw();
  }

  #attempt(run, text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return; // it would be thrown away without a word
    try {
      run();
      this.#note('sent', text, this.#count++);
    } catch (error) {
      this.#note('refused', t('detail.workbench.ws.refused', { why: error.message }));
    }
  }

  #sendFrame(text) {
    this.#attempt(() => this.#socket.send(text), text);
  }

  #sendBinary(written) {
    const digits = written.replace(/\s+/g, '');
    if (!/^([0-9a-f]{2})*$/i.test(digits)) {
      this.#note('refused', t('detail.workbench.ws.bad-hex'));
      return;
    }
    this.#attempt(() => this.#socket.send(Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16))), digits.replace(/..(?=.)/g, '$& '));
  }

  #sendClose(code, reason) {
    this.#attempt(() => this.#socket.close(Number(code), reason), `${code} ${reason}`);
  }

  /** #showFrame selects the frame of something that was sent: that many frames behind the handshake. */
  async #showFrame({ sent, opened }) {
    const { trace } = this.#app;
    const item = await until(trace, () => {
      const request = trace.items.find(({ lane, kind, label, at }) => lane === 'websocket' && kind === 'request' && label?.includes(topic) && at >= opened - 50);
      const own = ({ conn, dir, kind, offset }) => conn === request.conn && dir === 'up' && offset !== undefined && kind !== 'request' && kind !== 'pong';
      return request && trace.items.filter(own)[sent];
    });
    if (item) this.#app.select(item.ref);
  }
}
