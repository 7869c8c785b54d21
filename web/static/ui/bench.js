/**
 * The workbench: write what a server sends, well or badly, and see what becomes of it.
 *
 * An event stream goes over the lane of SSE, lines of JSON go over that of HTTP streaming in pieces, and frames go from
 * the page. Each has a bench of its own, with a template() to show.
 */
import { html, nothing, render } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { FramesBench } from './bench-frames.js';
import { PiecesBench } from './bench-pieces.js';
import { StreamBench } from './bench-stream.js';

export class Workbench {
  #host;
  #app;
  #benches;
  #shown = 'sse';
  #drawing = false;

  constructor(host, app) {
    this.#host = host;
    this.#app = app;
    const draw = () => this.#draw();
    this.#benches = { sse: new StreamBench(app, draw), ndjson: new PiecesBench(app, draw), websocket: new FramesBench(app, draw) };
    app.addEventListener('trace', draw);
    this.#drawNow();
  }

  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#drawNow();
    });
  }

  #show(bench) {
    this.#shown = bench;
    this.#draw();
  }

  #drawNow() {
    render(html`<section class="panel workbench" aria-labelledby="workbench-title">
      <header>
        <h2 id="workbench-title">${t('detail.workbench.title')}</h2>
        <span class="switch" role="radiogroup" aria-label=${t('detail.workbench.what')}>
          ${Object.keys(this.#benches).map((bench) => html`<label><input type="radio" name="workbench" value=${bench}
            .checked=${bench === this.#shown} @change=${() => this.#show(bench)}>${t(`detail.workbench.${bench}`)}</label>`)}
        </span>
      </header>
      ${this.#app.trace.live ? nothing : html`<p class="note warn">${t('detail.workbench.frozen')}</p>`}
      ${this.#benches[this.#shown].template()}
    </section>`, this.#host);
  }
}
