/** <push-share>: the same outside of this page: commands to copy, the trace to keep, and an address of this moment. */
import { Element, badge, html, icon, icons } from './element.js';
import { Trace } from '../lab/trace.js';
import { hash } from './address.js';
import { t } from '../text.js';

const tools = ['curl', 'console', 'pushlab'];

class Share extends Element {
  static events = ['view', 'trace', 'state'];
  static pace = 300;
  #lane = 'sse';
  #tool = 'curl';
  #done = ''; // what was copied or saved

  template(app) {
    const lane = app.lanes.get(this.#lane);
    const text = command(this.#tool, app.lab, this.#lane, lane.cursor);
    return html`<section class="panel share" aria-labelledby="share-title">
      <header><h2 id="share-title">${t('shell.share.title')}</h2><span class="small quiet" role="status">${this.#done}</span></header>
      <div class="row">
        <span class="switch" role="radiogroup" aria-label=${t('shell.share.lane')}>
          ${[...app.lanes.values()].map((one) => html`<label title=${one.title}><input type="radio" name="share-lane" .checked=${one.name === this.#lane}
            @change=${() => { this.#lane = one.name; this.drawNow(); }}>${badge(one)}<span class="hidden-text">${one.title}</span></label>`)}</span>
        <span class="switch" role="radiogroup" aria-label=${t('shell.share.tool')}>
          ${tools.map((tool) => html`<label><input type="radio" name="share-tool" .checked=${tool === this.#tool}
            @change=${() => { this.#tool = tool; this.drawNow(); }}>${t(`shell.share.tools.${tool}`)}</label>`)}</span>
      </div>
      <div class="command"><pre tabindex="0">${text}</pre><button @click=${() => this.#copy(text)}>${icon(icons.copy)}${t('shell.share.copy')}</button></div>
      <p class="small quiet">${t('shell.share.about')}</p>
      <div class="row">
        <button @click=${() => this.#save()}>${t('shell.share.export')}</button>
        <label class="button">${t('shell.share.import')}<input type="file" class="hidden-text" accept="application/json,.json" @change=${({ target }) => this.#load(target)}></label>
        <button @click=${() => this.#link()}>${t('shell.share.link')}</button>
        ${app.live ? '' : html`<button class="primary" @click=${() => location.reload()}>${t('shell.share.live')}</button>`}
      </div>
    </section>`;
  }

  async #copy(text, done = t('shell.share.copied')) {
    try {
      await navigator.clipboard.writeText(text);
      this.#say(done);
    } catch {
      this.#say(t('shell.share.by-hand'));
    }
  }

  #save() {
    const text = JSON.stringify(this.app.trace.export());
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = `pushlab-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-')}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    this.#say(t('shell.share.saved', { name: link.download }));
  }

  async #load(input) {
    const [file] = input.files;
    if (!file) return;
    try {
      this.app.show(Trace.import(JSON.parse(await file.text())));
      this.#say(t('shell.share.loaded', { name: file.name }));
    } catch (error) {
      this.app.notice('bad', t('shell.share.no-trace', { name: file.name, why: error.message }));
    }
    input.value = '';
  }

  /** #link names this moment. It leads back for as long as this lab, or beside the saved trace. */
  #link() {
    const { view, lab } = this.app;
    const address = hash({ ...view, end: view.end ?? lab.now() });
    return this.#copy(new URL(address, location.href).href, t('shell.share.linked'));
  }

  #say(text) {
    this.#done = text;
    this.drawNow();
  }
}
customElements.define('push-share', Share);

/** command is what does the same outside: it talks to the lane's own port, so it shows in the lane. */
export function command(tool, lab, lane, cursor) {
  const address = lab.laneURL(lane);
  const after = cursor ? `?after=${cursor}` : '';
  if (tool === 'pushlab') return `pushlab sub --transport ${lane}${cursor ? ` --after ${cursor}` : ''} ${new URL(address).origin}`;
  if (tool === 'console') {
    const url = JSON.stringify(address + after);
    return {
      longpoll: `let url = new URL(${url}); while (true) {\n  const answer = await fetch(url);\n  if (!answer.ok) throw new Error(answer.status);\n  if (answer.status !== 204) console.log(...(await answer.json()).events); // 204: nothing happened meanwhile\n  url.searchParams.set('after', answer.headers.get('Pushlab-Cursor'));\n}`,
      httpstream: `const { body } = await fetch(${url});\nfor await (const text of body.pipeThrough(new TextDecoderStream())) console.log(text);`,
      sse: `const source = new EventSource(${url});\nsource.onmessage = ({ data, lastEventId }) => console.log(lastEventId, data);`,
      websocket: `const socket = new WebSocket(${JSON.stringify(address.replace(/^http/, 'ws') + after)}, 'pushlab.v1');\nsocket.onmessage = ({ data }) => console.log(data);`,
    }[lane];
  }
  if (lane === 'websocket') {
    return `curl --http1.1 -Nsi -H 'Connection: Upgrade' -H 'Upgrade: websocket' \\\n  -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: ${btoa('0123456789abcdef')}' \\\n  --output - '${address}${after}'`;
  }
  return `curl ${lane === 'longpoll' ? '-i' : '-Ni'} '${address}${after}'`;
}
