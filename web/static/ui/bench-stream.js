/**
 * An event stream written by hand: an editor with the classic mistakes, its bytes, and what three readers make of them:
 * EventSource, the parser of this page, and the tap; and the rules that explain it.
 */
import { html, nothing } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { Parser } from '../transports/sse-fetch.js';
import { Parts } from './parts.js';
import { examine, fromFields, presets, rules, unescape } from './streamrules.js';
import { excerpt, visible } from './symbols.js';
import { until } from './until.js';
import './bytes.js';
import './tree.js';

const patience = 6000; // ms for an answer
const mostRecords = 60; // that are looked through
const statuses = [200, 204, 404, 500, 503];
const refusals = ['no-content', 'bad-status', 'wrong-type']; // rules by which nothing is read at all

export class StreamBench {
  #app;
  #draw;
  #preset = 'good';
  #by = 'fields';
  #fields = { id: '1', event: 'greeting', retry: '2000', comment: '', data: 'Hello', blank: true };
  #raw = presets.good.raw;
  #type = presets.good.type;
  #status = presets.good.status;
  #previewed;
  #sent; // { state: 'sending' or 'done', failure, log of the EventSource, tap, started }

  constructor(app, draw) {
    this.#app = app;
    this.#draw = draw;
  }

  /** template shows the editor, the bytes, the three readers, and why. */
  template() {
    const { bytes, failure } = this.#written();
    const options = { type: this.#type, status: this.#status };
    const found = bytes ? examine(bytes, options) : [];
    return html`
      <p class="quiet workbench-intro">${t('detail.workbench.intro')}</p>
      <div class="workbench-presets" role="group" aria-label=${t('detail.workbench.mistakes')}>
        ${Object.keys(presets).map((name) => html`<button type="button" aria-pressed=${String(name === this.#preset)}
          @click=${() => this.#write({ ...presets[name], by: 'raw', preset: name })}>${t(`detail.workbench.preset.${name}`)}</button>`)}
      </div>
      <form class="workbench-edit" @submit=${(event) => this.#send(event)}>
        ${this.#editor(bytes, failure)}
        <div class="workbench-bytes">
          <h3 class="label">${t('detail.workbench.bytes', { n: bytes?.length ?? 0 })}</h3>
          ${bytes?.length ? html`<push-bytes mode="text" .parts=${this.#preview(bytes)}></push-bytes>` : nothing}
        </div>
      </form>
      <div class="workbench-readers">
        <section><h3>${t('detail.workbench.browser')}</h3>${this.#browser()}</section>
        <section><h3>${t('detail.workbench.parser')}</h3>${this.#parser(bytes, found)}</section>
        <section><h3>${t('detail.workbench.tap')}</h3>${this.#tapped()}</section>
      </div>
      ${this.#verdict(bytes, found)}
      <section class="workbench-rules"><h3>${t('detail.workbench.rules')}</h3>
        ${found.length ? html`<ul>${found.map((name) => html`<li>${t(`detail.workbench.rule.${name}`)}
          <a class="small" href=${rules[name].url} target="_blank" rel="noreferrer">${t('detail.workbench.spec', { section: rules[name].section })} <span aria-hidden="true">↗</span></a></li>`)}</ul>`
    : html`<p>${t('detail.workbench.no-rules')}</p>`}
      </section>`;
  }

  #editor(bytes, failure) {
    const state = this.#sent?.state;
    return html`<div class="workbench-fields">
      <span class="switch tight" role="radiogroup" aria-label=${t('detail.workbench.edit')}>
        ${['fields', 'raw'].map((by) => html`<label><input type="radio" name="workbench-by" value=${by} .checked=${by === this.#by}
          @change=${() => this.#write({ by, raw: by === 'raw' ? fromFields(this.#fields) : this.#raw })}>${t(`detail.workbench.${by}`)}</label>`)}
      </span>
      ${this.#by === 'raw' ? this.#rawField() : this.#allFields()}
      <div class="workbench-row">
        <label class="field"><span class="label">${t('detail.workbench.type')}</span>
          <input class="mono" name="type" .value=${this.#type} spellcheck="false" autocomplete="off"
            @input=${({ target }) => this.#write({ type: target.value })}></label>
        <label class="field"><span class="label">${t('detail.workbench.status')}</span>
          <select name="status" @change=${({ target }) => this.#write({ status: Number(target.value) })}>
            ${statuses.map((status) => html`<option value=${status} .selected=${status === this.#status}>${String(status)}</option>`)}</select></label>
        <button class="primary" ?disabled=${!bytes || !this.#app.trace.live || state === 'sending'}>${t('detail.workbench.send')}</button>
      </div>
      <p class="small" role="status">${this.#report(failure, state)}</p>
    </div>`;
  }

  #report(failure, state) {
    if (failure) return html`<span class="bad">${t('detail.workbench.bad-escape', { escape: visible(failure) })}</span>`;
    if (state === 'sending') return t('detail.workbench.sending');
    if (this.#sent?.failure) return html`<span class="bad">${t('detail.workbench.failed', { why: this.#sent.failure })}</span>`;
    return nothing;
  }

  #allFields() {
    const set = (name) => ({ target }) => this.#write({ fields: { ...this.#fields, [name]: target.type === 'checkbox' ? target.checked : target.value } });
    const line = (name) => html`<label class="field"><span class="label">${t(`detail.workbench.${name}`)}</span>
      <input class="mono" name=${name} .value=${this.#fields[name]} spellcheck="false" autocomplete="off" autocapitalize="none" @input=${set(name)}></label>`;
    return html`<div class="workbench-grid">${['id', 'event', 'retry', 'comment'].map(line)}
      <label class="field wide"><span class="label">${t('detail.workbench.data')}</span>
        <textarea class="mono" name="data" rows="3" spellcheck="false" .value=${this.#fields.data} @input=${set('data')}></textarea></label>
      <label class="wide"><input type="checkbox" name="blank" .checked=${this.#fields.blank} @change=${set('blank')}> ${t('detail.workbench.blank')}</label></div>`;
  }

  #rawField() {
    return html`<label class="field"><span class="hidden-text">${t('detail.workbench.raw')}</span>
      <textarea class="mono" name="raw" rows="8" spellcheck="false" autocapitalize="none" .value=${this.#raw} aria-describedby="workbench-hint"
        @input=${({ target }) => this.#write({ raw: target.value })}></textarea></label>
      <p class="label" id="workbench-hint">${t('detail.workbench.raw-hint')}</p>`;
  }

  /** #write takes what was changed. What was sent before is then no longer what is written. */
  #write({ by = this.#by, fields = this.#fields, raw = this.#raw, type = this.#type, status = this.#status, preset = '' }) {
    this.#by = by;
    this.#fields = fields;
    this.#raw = raw;
    this.#type = type;
    this.#status = status;
    this.#preset = preset;
    this.#sent = undefined;
    this.#draw();
  }

  /** #written returns the bytes, or the escape that is none. */
  #written() {
    try {
      return { bytes: unescape(this.#by === 'raw' ? this.#raw : fromFields(this.#fields)) };
    } catch (error) {
      return { failure: error.message };
    }
  }

  #preview(bytes) {
    const same = this.#previewed && this.#previewed.bytes.length === bytes.length && this.#previewed.bytes.every((byte, i) => byte === bytes[i]);
    if (!same) this.#previewed = new Parts({ record: { spans: [] }, from: 0, bytes }, new Map());
    return this.#previewed;
  }

  async #send(event) {
    event.preventDefault();
    const { bytes } = this.#written();
    const { lab, trace } = this.#app;
    const sent = { state: 'sending', log: [], started: trace.now };
    this.#sent = sent;
    this.#draw();
    const query = new URLSearchParams({ type: this.#type, status: this.#status });
    try {
      await lab.command(`raw?${query}`, bytes);
      const types = new Set(parse(bytes).events.map(({ event }) => event));
      await listen(lab.laneURL('sse', '/raw'), types, (what) => {
        sent.log.push(what);
        this.#draw();
      });
      sent.state = 'done';
      this.#draw();
      sent.tap = await recorded(this.#app, sent.started);
    } catch (error) {
      sent.state = 'done';
      sent.failure = error.message;
    }
    this.#draw();
  }

  #browser() {
    if (!this.#sent || this.#sent.failure) return html`<p class="quiet small">${t('detail.workbench.browser-hint')}</p>`;
    const { retry, lastEventId } = parse(this.#written().bytes ?? new Uint8Array());
    return html`<ol class="workbench-log">${this.#sent.log.map(({ open, event, state }) => {
      if (open) return html`<li class="quiet">${t('detail.workbench.open')}</li>`;
      if (event) return html`<li>${dispatched(event)}</li>`;
      if (state === EventSource.CLOSED) return html`<li class="bad">${t('detail.workbench.error-closed')}</li>`;
      return html`<li class="quiet">${t('detail.workbench.error-retry', { retry: retry === undefined ? t('detail.workbench.default-retry') : t('detail.workbench.ms', { n: retry }) })}${
        lastEventId ? t('detail.workbench.error-id', { id: visible(lastEventId) }) : ''}</li>`;
    })}</ol>`;
  }

  #parser(bytes, found) {
    if (!bytes) return nothing;
    const refused = refusals.find((name) => found.includes(name));
    if (refused) return html`<p>${t('detail.workbench.would-refuse', { why: refused === 'wrong-type' ? this.#type : String(this.#status) })}</p>`;
    const { events, lastEventId, retry, left } = parse(bytes);
    return html`
      ${events.length ? html`<ol class="workbench-log">${events.map((event) => html`<li>${dispatched(event)}</li>`)}</ol>` : html`<p class="quiet">${t('detail.workbench.nothing')}</p>`}
      <dl class="workbench-state small">
        <div><dt>${t('detail.workbench.last-id')}</dt><dd>${lastEventId ? html`<code>${visible(lastEventId)}</code>` : t('detail.workbench.empty-string')}</dd></div>
        <div><dt>${t('detail.workbench.retry-is')}</dt><dd>${retry === undefined ? t('detail.workbench.not-set') : t('detail.workbench.ms', { n: retry })}</dd></div>
        ${left ? html`<div><dt>${t('detail.workbench.left')}</dt><dd><code>${excerpt(left, 120)}</code></dd></div>` : nothing}
      </dl>`;
  }

  #tapped() {
    const tap = this.#sent?.tap;
    if (!this.#sent || this.#sent.failure) return html`<p class="quiet small">${t('detail.workbench.tap-hint')}</p>`;
    if (!tap) return html`<p class="quiet small">${t('detail.workbench.tap-waiting')}</p>`;
    if (tap.missing) return html`<p class="quiet small">${t('detail.workbench.tap-none')}</p>`;
    const change = (values) => {
      Object.assign(tap, values);
      this.#draw();
    };
    return html`<push-tree .label=${t('detail.workbench.tap')} .parts=${tap.parts} .scope=${tap.scope} .active=${tap.active} .lit=${tap.lit}
        @active=${({ detail }) => change({ active: detail })} @pin=${({ detail }) => change({ active: detail })} @lit=${({ detail }) => change({ lit: detail })}></push-tree>
      ${tap.active ? html`<p class="small">${tap.active.entry.text}</p>` : nothing}
      <p><button type="button" class="bare" @click=${() => this.#app.select(tap.ref)}>${t('detail.workbench.to-bytes')}</button></p>`;
  }

  /** #verdict compares the two readers, once both have read. */
  #verdict(bytes, found) {
    if (this.#sent?.state !== 'done' || this.#sent.failure || found.some((name) => refusals.includes(name))) return nothing;
    const events = this.#sent.log.flatMap(({ event }) => event ?? []);
    const plain = (list) => JSON.stringify(list.map(({ event, data, id }) => [event, data, id]));
    const agree = plain(parse(bytes).events) === plain(events);
    return html`<p class="note ${agree ? 'good' : 'warn'}" role="status">${t(agree ? 'detail.workbench.agree' : 'detail.workbench.differ')}</p>`;
  }
}

/** listen has an EventSource read an answer, once: it would come back for ever. tell is told what it does. */
function listen(address, types, tell) {
  return new Promise((resolve) => {
    const source = new EventSource(address);
    const end = () => {
      clearTimeout(timer);
      source.close();
      resolve();
    };
    const timer = setTimeout(end, patience);
    // An event of the stream may be called open or error, too.
    const dispatched = (event) => {
      if (event instanceof MessageEvent) tell({ event: { event: event.type, data: event.data, id: event.lastEventId } });
    };
    for (const type of types.add('message')) source.addEventListener(type, dispatched);
    source.onopen = (event) => event instanceof MessageEvent || tell({ open: true });
    source.onerror = (event) => {
      if (event instanceof MessageEvent) return;
      tell({ state: source.readyState });
      end();
    };
  });
}

/** recorded returns what the tap has of the answer to the newest request for /raw: its parts, and the item to look at. */
async function recorded({ trace, lab }, since) {
  const found = await until(trace, () => {
    const request = trace.items.findLast(({ lane, kind, label, at }) => lane === 'sse' && kind === 'request' && label?.startsWith('GET /raw') && at >= since - 50);
    if (!request) return undefined;
    const items = trace.items.filter(({ conn, exchange, dir, offset }) => conn === request.conn && exchange === request.exchange && dir === 'down' && offset !== undefined);
    return items.some(({ kind }) => kind === 'end') ? items : undefined;
  });
  if (!found) return { missing: true };
  const { seq: first, conn } = found.find(({ kind }) => kind === 'response') ?? found[0];
  const last = Math.min(found.at(-1).seq, first + mostRecords);
  const answers = [];
  for (let seq = first; seq <= last; seq++) {
    const answer = trace.records.get(seq) ?? await lab.record(seq).catch(() => undefined);
    if (answer?.bytes && answer.record.conn === conn && answer.record.dir === 'down') answers.push(answer);
  }
  if (!answers.length) return { missing: true };
  const parts = Parts.join(answers, await lab.kinds());
  const head = parts.roots.find(({ span }) => span.kind === 'response-head');
  const item = found.find(({ kind }) => kind === 'event' || kind === 'comment') ?? found[0];
  return { parts, scope: { start: head?.end ?? parts.from, end: parts.to }, ref: item.ref };
}

/** parse has the page's own parser read a stream. */
function parse(bytes) {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const parser = new Parser();
  const events = parser.feed(text);
  const blocks = text.split(/(?:\r\n|\r(?!\n)|\n){2}/);
  return { events, lastEventId: parser.lastEventId, retry: parser.retry, left: blocks.at(-1).replace(/^[\r\n]+/, '') };
}

function dispatched({ event, data, id }) {
  return html`<span class="label">${t('detail.workbench.type-of')}</span> <code>${visible(event)}</code>
    ${id ? html`<span class="label">id</span> <code>${visible(id)}</code>` : nothing}
    <span class="workbench-data"><span class="label">data</span> <code>${data === '' ? t('detail.workbench.empty-string') : excerpt(data, 300)}</code></span>`;
}
