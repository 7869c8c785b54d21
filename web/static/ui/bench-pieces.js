/** Lines of JSON whose body comes in pieces, cut anywhere, and two readers of it: in the page, and over a lane. */
import { html, nothing } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { Naive, Right, cutCharacter, pieces } from './readers.js';
import { visible } from './symbols.js';

const mostPieces = 24;

export class PiecesBench {
  #app;
  #draw;
  #lines = '{"n":1,"text":"Grüße"}\n{"n":2,"text":"🙂"}\n{"n":3,"text":"done"}\n';
  #size = 0; // of a piece
  #live; // what came over the lane: { state, failure, sizes, naive, right, of }

  constructor(app, draw) {
    this.#app = app;
    this.#draw = draw;
  }

  template() {
    const text = this.#lines.endsWith('\n') ? this.#lines : `${this.#lines}\n`;
    const bytes = new TextEncoder().encode(text);
    const least = Math.max(1, Math.ceil(bytes.length / mostPieces));
    this.#size ||= cutAt(bytes);
    const size = Math.max(least, Math.min(this.#size, bytes.length));
    const list = pieces(bytes, size);
    const naive = new Naive();
    const right = new Right();
    for (const piece of list) {
      naive.feed(piece);
      right.feed(piece);
    }
    const inside = cutCharacter(bytes, size);
    const between = list.slice(0, -1).every((piece) => piece.at(-1) === 10);
    const reader = (name, { lines }) => html`<section><h3>${t(`detail.workbench.nd.${name}`)}</h3>
      <p class="quiet small">${t(`detail.workbench.nd.${name}-text`)}</p>
      <ol class="workbench-log">${lines.map(({ text, ok }) => html`<li class=${ok ? '' : 'bad'}>${ok ? html`<code>${text}</code>` : html`<b aria-hidden="true">✗</b> ${t('detail.workbench.nd.broken', { line: visible(text) })}`}</li>`)}</ol></section>`;
    const of = this.#lines.split('\n').filter(Boolean).length;
    return html`
      <p class="quiet workbench-intro">${t('detail.workbench.nd.intro')}</p>
      <div class="workbench-fields">
        <label class="field"><span class="label">${t('detail.workbench.nd.lines')}</span>
          <textarea class="mono" name="lines" rows="4" spellcheck="false" .value=${this.#lines} @input=${({ target }) => this.#write(target.value, this.#size)}></textarea></label>
        <div class="workbench-row">
          <label class="field workbench-slider"><span class="label">${t('detail.workbench.nd.size', { n: size })}</span>
            <input type="range" name="size" min=${least} max=${Math.max(least, bytes.length)} .value=${String(size)}
              @input=${({ target }) => this.#write(this.#lines, Number(target.value))}></label>
          <button type="button" class="primary" ?disabled=${!this.#app.trace.live || this.#live?.state === 'sending'} @click=${() => this.#send(bytes, size, of)}>${t('detail.workbench.nd.send')}</button>
        </div>
      </div>
      <h3 class="label">${t('detail.workbench.nd.pieces', { n: list.length })}</h3>
      <p class="workbench-pieces">${list.map((piece) => html`<code>${marked(piece)}</code>`)}</p>
      <p class="small">${inside ? t('detail.workbench.nd.inside-character', inside) : t(between ? 'detail.workbench.nd.between' : 'detail.workbench.nd.inside-line')}</p>
      <div class="workbench-readers">
        ${reader('naive', naive)}${reader('right', right)}
        <section><h3>${t('detail.workbench.nd.live')}</h3>${this.#overLane()}</section>
      </div>
      <p class="small">${t('detail.workbench.nd.rule')} <a href="https://encoding.spec.whatwg.org/#interface-textdecoder" target="_blank" rel="noreferrer">${t('detail.workbench.nd.spec')} <span aria-hidden="true">↗</span></a></p>`;
  }

  #write(lines, size) {
    this.#lines = lines;
    this.#size = size;
    this.#live = undefined; // what was sent is no longer what is written
    this.#draw();
  }

  #overLane() {
    const live = this.#live;
    if (!live) return html`<p class="quiet small">${t('detail.workbench.nd.live-hint')}</p>`;
    if (live.failure) return html`<p class="bad small">${t('detail.workbench.failed', { why: live.failure })}</p>`;
    const good = ({ lines }) => lines.filter(({ ok }) => ok).length;
    return html`<p role="status">${t('detail.workbench.nd.live-text', { n: live.sizes.length, sizes: live.sizes.join(', '), naive: good(live.naive), right: good(live.right), of: live.of })}</p>`;
  }

  async #send(bytes, size, of) {
    const { lab } = this.#app;
    const live = { state: 'sending', sizes: [], naive: new Naive(), right: new Right(), of };
    this.#live = live;
    this.#draw();
    try {
      await lab.command(`raw?${new URLSearchParams({ type: 'application/x-ndjson', split: size, pause: '80ms' })}`, bytes);
      const { body } = await fetch(lab.laneURL('httpstream', '/raw'), { cache: 'no-store' });
      const reader = body.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        live.sizes.push(value.length);
        live.naive.feed(value);
        live.right.feed(value);
        this.#draw();
      }
    } catch (error) {
      live.failure = error.message;
    }
    live.state = 'done';
    this.#draw();
  }
}

/** marked shows a piece; bytes that are no whole character are shown as such. */
function marked(piece) {
  return Array.from(visible(new TextDecoder().decode(piece)).split('\ufffd').entries(), ([i, text]) => html`${i ? html`<span class="bad">\ufffd</span>` : nothing}${text}`);
}

/** cutAt is a size of pieces with which a cut is inside of the emoji. */
function cutAt(bytes) {
  const four = bytes.findIndex((byte) => byte >= 0xf0);
  return four < 0 ? Math.ceil(bytes.length / 2) : four + 2;
}
