/**
 * The code of a lane, the server's in Go beside the browser's, with the functions lit that made what is selected. The
 * source comes from the server that runs it, taken apart into words already (GET /source/).
 */
import { html, nothing, render } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { belongs, codeFor, fileOf } from './codemap.js';
import { laneTitle } from './describe.js';

const lanes = ['longpoll', 'httpstream', 'sse', 'websocket'];
const wide = 900; // pixels from which both sides have room beside each other
const sources = new Map(); // file → promise of what the server says about it

/** source fetches a file, once. */
function source(file) {
  if (!sources.has(file)) {
    const answer = fetch(`/source/${file}`).then((response) => {
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      return response.json();
    });
    answer.catch(() => sources.delete(file));
    sources.set(file, answer);
  }
  return sources.get(file);
}

export class CodeView {
  #host;
  #app;
  #lane = 'sse';
  #view = ''; // 'both', 'server', 'client' or 'smallest'; '' is what fits
  #wide = true;
  #selected;
  #panes = { server: {}, client: {} }; // { file, functions, why, loaded, failure }
  #files = [];
  #smallest = {}; // lane → its text

  constructor(host, app) {
    this.#host = host;
    this.#app = app;
    this.#wide = host.clientWidth >= wide;
    app.addEventListener('view', ({ detail }) => {
      if (!detail || detail.includes('selected')) this.#follow();
    });
    app.addEventListener('trace', () => this.#follow());
    new ResizeObserver(([{ contentRect }]) => {
      if ((contentRect.width >= wide) === this.#wide) return;
      this.#wide = contentRect.width >= wide;
      this.#draw();
    }).observe(host);
    source('').then(({ files }) => {
      this.#files = files;
      this.#draw();
    }, () => {});
    this.#follow();
  }

  /** show opens a file at a function. */
  show(file, name) {
    const side = file.endsWith('.go') ? 'server' : 'client';
    const lane = lanes.find((one) => (side === 'server' ? file.startsWith(`${one}/`) : file.split('/').at(-1).startsWith(one)));
    if (lane && lane !== this.#lane) this.#setLane(lane);
    if (!['both', side].includes(this.#shown)) this.#view = side;
    this.#open(side, file, name);
  }

  #setLane(lane) {
    this.#lane = lane;
    this.#aim();
  }

  #setView(view) {
    this.#view = view;
    this.#load();
    this.#draw();
    for (const side of ['server', 'client']) this.#scroll(side);
  }

  /** #follow lights what made the item that is selected. */
  #follow() {
    const { view, trace } = this.#app;
    const item = view.selected ? trace.find(view.selected) : undefined;
    if (item === this.#selected && this.#panes.server.file) return;
    this.#selected = item;
    if (item?.lane) this.#lane = item.lane;
    this.#aim();
  }

  get #fetching() { return this.#app.lanes?.get('sse')?.client === 'fetch'; }

  #aim() {
    const options = { fetching: this.#fetching };
    const item = this.#selected?.lane === this.#lane ? this.#selected : undefined;
    const found = item ? codeFor(item, options) : {};
    for (const side of ['server', 'client']) {
      const place = found[side];
      this.#panes[side] = { file: place?.file ?? fileOf(this.#lane, side, options), functions: place?.functions ?? [], why: place?.why };
    }
    this.#load();
    this.#draw();
  }

  /** #load fetches what is to be shown, and scrolls to what is lit. */
  #load() {
    for (const [side, pane] of Object.entries(this.#panes)) {
      if (pane.loaded) continue;
      source(pane.file).then((loaded) => {
        pane.loaded = loaded;
        if (this.#panes[side] !== pane) return; // meanwhile another one is wanted
        this.#draw();
        this.#scroll(side);
      }, (error) => {
        pane.failure = error.message;
        this.#draw();
      });
    }
    if (this.#view === 'smallest') this.#loadSmallest();
  }

  async #loadSmallest() {
    const lane = this.#lane;
    if (this.#smallest[lane] !== undefined) return;
    this.#smallest[lane] = '';
    try {
      const texts = await Promise.all(['html', 'js'].map(async (type) => {
        const response = await fetch(new URL(`../minimal/${lane}.${type}`, import.meta.url));
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
        return response.text();
      }));
      this.#smallest[lane] = texts;
    } catch (error) {
      delete this.#smallest[lane];
      this.#smallest.failure = error.message;
    }
    this.#draw();
  }

  #open(side, file, name) {
    const same = this.#panes[side].file === file && this.#panes[side].loaded;
    this.#panes[side] = { file, functions: name ? [name] : [], loaded: same || undefined };
    this.#load();
    this.#draw();
    if (same) this.#scroll(side);
  }

  /** #scroll moves the code, not the page, to the first line that is lit. */
  #scroll(side) {
    const box = this.#host.querySelector(`.code-pane[data-side=${side}] .code-lines`);
    const first = box?.querySelector('.lit');
    if (box) box.scrollTop = first ? first.offsetTop - box.clientHeight / 6 : 0;
  }

  /** #lit are the first and last lines of the functions that are lit, in order. */
  #lit({ loaded, functions }) {
    return functions.map((name) => loaded.functions[name]).filter(Boolean).sort(([a], [b]) => a - b);
  }

  get #views() {
    return this.#wide ? ['both', 'server', 'client', 'smallest'] : ['server', 'client', 'smallest'];
  }

  get #shown() {
    return this.#views.includes(this.#view) ? this.#view : this.#views[0];
  }

  #draw() {
    const shown = this.#shown;
    render(html`<section class="panel code" aria-labelledby="code-title" data-lane=${this.#lane}>
      <header>
        <h2 id="code-title">${t('detail.code.title')}</h2>
        <span class="code-controls no-print">
          <span class="switch" role="radiogroup" aria-label=${t('detail.code.lane')}>
            ${lanes.map((lane) => html`<label title=${laneTitle(lane)}><input type="radio" name="code-lane" value=${lane} .checked=${lane === this.#lane}
              @change=${() => this.#setLane(lane)}><span aria-hidden="true">${t(`detail.letter.${lane}`)}</span><span class="hidden-text">${laneTitle(lane)}</span></label>`)}
          </span>
          <span class="switch" role="radiogroup" aria-label=${t('detail.code.side')}>
            ${this.#views.map((view) => html`<label><input type="radio" name="code-view" value=${view} .checked=${view === shown} @change=${() => this.#setView(view)}>${t(`detail.code.${view}`)}</label>`)}
          </span>
        </span>
      </header>
      <p class="quiet code-intro">${this.#selected ? t('detail.code.intro') : t('detail.code.nothing')}</p>
      ${shown === 'smallest' ? this.#page() : html`<div class="code-panes" data-view=${shown}>
        ${['server', 'client'].filter((side) => shown === 'both' || shown === side).map((side) => this.#pane(side))}</div>`}
    </section>`, this.#host);
  }

  #pane(side) {
    const pane = this.#panes[side];
    const { file, loaded, failure, why } = pane;
    const files = this.#files.filter((name) => belongs(name, this.#lane, side));
    if (!files.includes(file)) files.push(file);
    const spans = loaded ? this.#lit(pane) : [];
    const names = loaded ? Object.entries(loaded.functions).sort(([, [a]], [, [b]]) => a - b).map(([name]) => name) : [];
    const title = t(`detail.code.${side}`);
    return html`<figure class="code-pane" data-side=${side}>
      <figcaption>
        <h3>${title}</h3>
        <label class="code-pick"><span class="hidden-text">${title}: ${t('detail.code.files')}</span>
          <select class="mono" @change=${({ target }) => this.#open(side, target.value)}>
            ${files.map((name) => html`<option value=${name} .selected=${name === file}>${name.replace('web/static/', '')}</option>`)}</select></label>
        <label class="code-pick"><span class="hidden-text">${title}: ${t('detail.code.functions')}</span>
          <select class="mono" @change=${({ target }) => this.#open(side, file, target.value)}>
            <option value="" .selected=${pane.functions.length !== 1}>${t('detail.code.functions')}</option>
            ${names.map((name) => html`<option value=${name} .selected=${pane.functions.length === 1 && pane.functions[0] === name}>${name}</option>`)}</select></label>
        <p class="small code-why">${this.#sentence(pane, spans, why)}</p>
      </figcaption>
      ${failure ? html`<p class="note bad">${t('detail.code.failed', { why: failure })}</p>`
    : loaded ? lines(loaded, spans, `${title}: ${file}`) : html`<p class="quiet">${t('detail.code.loading')}</p>`}
    </figure>`;
  }

  #sentence({ functions, file }, spans, why) {
    const reason = why ? t(`detail.code.why.${why}`) : '';
    if (!spans.length) return why === 'browser' ? html`<b>${reason}</b>` : nothing;
    const [from] = spans[0];
    const to = spans.at(-1)[1];
    return html`<b>${functions.join(', ')}</b>${reason ? ` ${reason}` : ''}<span class="hidden-text">: ${t('detail.code.ran', { function: functions.join(', '), from: String(from), to: String(to), file })}</span>`;
  }

  #page() {
    const texts = this.#smallest[this.#lane];
    if (!texts) return html`<p class="quiet">${this.#smallest.failure ? t('detail.code.failed', { why: this.#smallest.failure }) : t('detail.code.loading')}</p>`;
    const n = texts.reduce((sum, text) => sum + text.trimEnd().split('\n').length, 0);
    const address = new URL(`../minimal/${this.#lane}.html`, import.meta.url).pathname.replace(/^\/a\/[^/]+/, '');
    return html`<div class="code-smallest">
      <p>${t('detail.code.smallest-text', { n })} <a href=${address} target="_blank" rel="noreferrer">${t('detail.code.open')} <span aria-hidden="true">↗</span></a></p>
      ${texts.map((text, i) => {
    const file = `minimal/${this.#lane}.${i ? 'js' : 'html'}`;
    return html`<figure class="code-pane"><figcaption><h3 class="mono">${file}</h3></figcaption>
        ${lines({ lines: text.trimEnd().split('\n').map((line) => [[/^\s*\/\//.test(line) ? 'c' : '', line]]) }, [], file)}</figure>`;
  })}
    </div>`;
  }
}

/** lines shows code line by line, those from and to spans lit. */
function lines({ lines: all }, spans, label) {
  const lit = (n) => spans.some(([from, to]) => n >= from && n <= to);
  return html`<div class="code-lines" tabindex="0" role="group" aria-label=${label}>${all.map((pieces, i) => html`<div class="code-line ${lit(i + 1) ? 'lit' : ''}" data-n=${i + 1}><code>${
    pieces.map(([kind, text]) => (kind ? html`<span class="code-${kind}">${text}</span>` : text))}</code></div>`)}</div>`;
}
