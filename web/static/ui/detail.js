/**
 * <push-detail>: the selected item, down to its bytes.
 *
 * A title in plain words and the times; the tree of its parts and the bytes, linked both ways; what the part is that is
 * looked at, with the clause of the specification, and where DevTools shows it. What has no bytes is explained.
 */
import { html, nothing, render } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { hash } from './address.js';
import { devtools, hasBytes, laneTitle, markWords, scope, share, title } from './describe.js';
import { bits, duration, mask, way } from './figures.js';
import { show } from './moment.js';
import { Parts } from './parts.js';
import { excerpt, hex, visible } from './symbols.js';
import { clockTime } from './words.js';

const recordsKept = 60; // whose parts are ready
const mostBefore = 40; // records that are looked through for the beginning of an item
const mostListed = 400; // parts that are listed with their explanations
const roles = ['head', 'framing', 'payload', 'opaque'];

class Detail extends HTMLElement {
  #app;
  #item;
  #coming; // the item whose bytes are being fetched
  #parts;
  #scope;
  #failure;
  #active;
  #lit;
  #pinned = false;
  #listed = false; // all parts are
  #printing = false;
  #mode = 'both';
  #wanted; // the part that the address names: { item, part }
  #ready = new Map(); // seq or ref → Parts
  #asked = 0;
  #shown = ''; // what of the item was drawn, to draw it anew when more is known
  #drawing = false;

  set app(app) {
    if (app === this.#app) return;
    this.#app = app;
    this.#wanted = wanted(location.hash);
    addEventListener('hashchange', ({ newURL }) => {
      this.#wanted = wanted(new URL(newURL).hash);
      if (this.#item?.ref === this.#wanted?.item) this.#goThere();
    });
    addEventListener('beforeprint', () => this.#print(true));
    addEventListener('afterprint', () => this.#print(false));
    app.addEventListener('view', () => this.#select());
    app.addEventListener('trace', () => {
      this.#ready.clear();
      this.#select(true);
    });
    app.addEventListener('frame', () => this.#look());
    this.#select(true);
    this.#draw();
  }

  get app() { return this.#app; }

  /** item and parts are what is shown; parts is undefined for a mark, and until the bytes are here. */
  get item() { return this.#item; }
  get parts() { return this.#parts; }
  get active() { return this.#active; }

  /** #look draws what has become known since: that the event is in the page, or the item itself. */
  #look() {
    if (!this.#item || this.#item.ref !== this.#app.view.selected) {
      this.#select(); // it may be known by now
      return;
    }
    const { at, sent, received, published, answered } = this.#item;
    const shown = [at, sent, received, published, answered].join();
    if (shown !== this.#shown) this.#draw();
    this.#shown = shown;
  }

  async #select(again = false) {
    const { view, trace } = this.#app;
    const item = view.selected ? trace.find(view.selected) : undefined;
    const shown = this.#coming ?? this.#item;
    if (!again && (item === shown || !item && shown && shown.ref === view.selected)) return; // or forgotten meanwhile
    const asked = ++this.#asked;
    this.#coming = undefined;
    if (!item || !hasBytes(item)) {
      this.#become(item);
      return;
    }
    // What was shown stays until the other bytes are here, so that the page does not jump; it may take a moment only.
    this.#coming = item;
    if (!this.#parts) this.#become(item);
    const slow = setTimeout(() => asked === this.#asked && this.#become(item), 400);
    let parts;
    let failure;
    try {
      parts = await this.#fetch(item);
    } catch (error) {
      failure = error;
    }
    clearTimeout(slow);
    if (asked !== this.#asked) return;
    this.#coming = undefined;
    this.#become(item, parts, failure);
  }

  #become(item, parts, failure) {
    this.#item = item;
    this.#parts = parts;
    this.#failure = failure;
    this.#scope = parts && scope(item, parts);
    this.#active = parts && (this.#scope?.part ?? parts.at(this.#scope?.start ?? parts.from) ?? parts.roots[0]);
    this.#lit = undefined;
    this.#pinned = this.#listed = false;
    this.#drawNow();
    if (!parts) return;
    this.#link();
    if (!this.#goThere()) this.#reveal(this.#active);
  }

  /** #fetch returns the parts of an item's record, and of those before it if the item began there. */
  async #fetch(item) {
    const [kinds] = await Promise.all([this.#app.lab.kinds(), import('./bytes.js'), import('./tree.js')]); // now they are needed
    const answer = await this.#answer(item.seq);
    const parts = this.#kept(item.seq, () => Parts.of(answer, kinds));
    if (item.offset === undefined || item.offset >= parts.from) return parts;
    const answers = [answer];
    let { from } = parts;
    for (let seq = item.seq - 1; seq > 0 && seq >= item.seq - mostBefore && from > item.offset; seq--) {
      const before = await this.#answer(seq).catch(() => undefined);
      if (!before?.bytes || before.record.conn !== item.conn || before.record.dir !== item.dir) continue;
      answers.push(before);
      from = Math.min(from, before.from ?? before.record.offset ?? 0);
    }
    return this.#kept(item.ref, () => Parts.join(answers, kinds));
  }

  /** #answer asks for a record. A saved trace has those that somebody had looked at. */
  async #answer(seq) {
    const { trace, lab } = this.#app;
    let answer = trace.records.get(seq);
    if (!answer) {
      if (!trace.live) throw new Error(t('detail.lost.frozen'));
      answer = await lab.record(seq);
      trace.keep(seq, answer);
    }
    return answer;
  }

  #kept(name, make) {
    let parts = this.#ready.get(name);
    if (!parts) {
      parts = make();
      this.#ready.set(name, parts);
      if (this.#ready.size > recordsKept) this.#ready.delete(this.#ready.keys().next().value);
    }
    return parts;
  }

  /** #goThere goes to the part that the address names. */
  #goThere() {
    const part = this.#parts && this.#wanted?.item === this.#item?.ref && this.#parts.all[this.#wanted.part];
    if (!part) return false;
    this.#wanted = undefined;
    this.#pinned = true;
    this.#choose(part);
    this.#reveal(part);
    return true;
  }

  /** #choose looks at a part. other is the view that did not choose it, and shows it now. */
  #choose(part, other) {
    this.#active = part;
    this.#link();
    other?.reveal(part);
    this.#draw();
  }

  #pin(part, other) {
    this.#pinned = !(this.#pinned && part === this.#active);
    this.#choose(part, other);
  }

  #list(open) {
    if (this.#printing || this.#listed === open) return;
    this.#listed = open;
    this.#draw();
  }

  #letGo() {
    this.#pinned = false;
    this.#link();
    this.#draw();
  }

  #point(part, other) {
    part ??= undefined; // an event makes null of it
    if (part === this.#lit) return;
    this.#lit = part;
    this.#link();
    if (part) other?.reveal(part);
    this.#draw();
  }

  get #tree() { return this.querySelector('push-tree'); }
  get #bytes() { return this.querySelector('push-bytes'); }

  /** #link tells tree and bytes what is looked at in the other. */
  #link() {
    for (const view of [this.#tree, this.#bytes]) {
      if (view) Object.assign(view, { active: this.#active, lit: this.#lit });
    }
    if (this.#tree) this.#tree.pinned = this.#pinned;
  }

  #reveal(part) {
    this.#tree?.reveal(part);
    this.#bytes?.reveal(part);
  }

  #step(by) {
    const { trace } = this.#app;
    const next = trace.step(this.#item.ref, by, this.#item.lane ? new Set([this.#item.lane]) : undefined);
    if (next) show(this.#app, next);
  }

  #stepPart(by) {
    const part = this.#parts.all[(this.#active?.index ?? -1) + by];
    if (!part) return;
    this.#choose(part);
    this.#reveal(part);
  }

  #newest() {
    const { trace, view } = this.#app;
    let item = trace.step(undefined, -1, view.lanes);
    while (item && item.kind !== 'event') item = trace.step(item.ref, -1, view.lanes);
    if (item) this.#app.select(item.ref);
  }

  #print(on) {
    this.#printing = on;
    if (this.#app) this.#drawNow();
  }

  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#drawNow();
    });
  }

  #drawNow() {
    render(html`<section class="panel detail" aria-labelledby="detail-title" data-lane=${this.#item?.lane ?? nothing}>${this.#body()}</section>`, this);
  }

  #body() {
    const item = this.#item;
    if (!item) {
      return html`<header><h2 id="detail-title">${t('detail.empty.title')}</h2></header>
        <div class="detail-empty"><p>${t('detail.empty.text')}</p>
          <button type="button" @click=${() => this.#newest()}>${t('detail.empty.newest')}</button></div>`;
    }
    if (!hasBytes(item)) return this.#mark(item);
    return html`
      ${this.#head(title(item))}
      ${way(item, this.#app.lab.uncertainty)}
      ${item.replay ? html`<p class="note detail-replay">${t('detail.replay')}</p>` : nothing}
      ${this.#same()}
      ${this.#parts ? this.#record() : this.#failure ? this.#lost() : html`<p class="quiet">${t('detail.loading')}</p>`}`;
  }

  #head(text) {
    const { lane } = this.#item;
    const cost = this.#parts && this.#scope && this.#parts.cost(this.#scope.start, this.#scope.end);
    const on = laneTitle(lane);
    return html`<header>
      <h2 id="detail-title">${lane ? html`<span class="badge" aria-hidden="true">${t(`detail.letter.${lane}`)}</span> ` : nothing}${text}${
  cost ? html`<span class="detail-size">: ${t('detail.size', { n: this.#scope.end - this.#scope.start })}, ${share(cost)}</span>` : nothing}</h2>
      <span class="detail-steps no-print">
        <button type="button" class="bare" aria-label=${on ? t('detail.nav.previous-on', { lane: on }) : nothing} @click=${() => this.#step(-1)}>‹ ${t('detail.nav.previous')}</button>
        <button type="button" class="bare" aria-label=${on ? t('detail.nav.next-on', { lane: on }) : nothing} @click=${() => this.#step(1)}>${t('detail.nav.next')} ›</button>
      </span>
    </header>
    ${cost ? costBar(cost) : nothing}`;
  }

  #mark(item) {
    const { title: heading, text, devtools: where } = markWords(item);
    const said = item.kind === 'end' ? '' : item.text ?? '';
    return html`${this.#head(heading)}
      <div class="detail-mark">
        <p>${text}</p>
        ${said ? html`<p>${t('detail.mark.said', { text: visible(said) })}</p>` : nothing}
        ${where ? html`<p class="detail-devtools"><b>${t('detail.explain.devtools')}</b> ${where}</p>` : nothing}
        <p class="quiet small">${t('detail.mark.at', { time: clockTime(item.at) })}</p>
      </div>`;
  }

  #lost() {
    return html`<div class="note warn"><p><b>${t('detail.lost.title')}</b></p>
      <p>${this.#app.trace.live ? t('detail.lost.text') : ''} ${this.#app.trace.live ? t('detail.lost.why', { why: this.#failure.message }) : this.#failure.message}</p></div>`;
  }

  #record() {
    return html`
      ${this.#write()}
      <div class="detail-views">
        <push-tree .label=${t('detail.tree')} .parts=${this.#parts} .scope=${this.#scope}
          @lit=${({ detail }) => this.#point(detail, this.#bytes)} @active=${({ detail }) => this.#choose(detail, this.#bytes)}
          @pin=${({ detail }) => this.#pin(detail, this.#bytes)} @let-go=${() => this.#letGo()}></push-tree>
        <push-bytes .mode=${this.#mode} .parts=${this.#parts} .scope=${this.#scope} @mode=${({ detail }) => { this.#mode = detail; }}
          @lit=${({ detail }) => this.#point(detail, this.#tree)} @active=${({ detail }) => this.#choose(detail, this.#tree)}
          @pin=${({ detail }) => this.#pin(detail, this.#tree)}></push-bytes>
      </div>
      ${this.#explanation()}
      <details class="detail-all" .open=${this.#listed || this.#printing} @toggle=${({ target }) => this.#list(target.open)}>
        <summary>${t('detail.all.title')}</summary>
        ${this.#listed || this.#printing ? this.#allParts() : nothing}
      </details>`;
  }

  /** #write says which write, or read, the item was in, and with whom. */
  #write() {
    const { record, records } = this.#parts;
    if (records > 1) return html`<p class="detail-write small quiet">${t('detail.write.joined', { conn: record.conn, records, n: record.n })}</p>`;
    const messages = (record.messages ?? []).filter(({ kind, length }) => kind !== 'chunk' && length > 0);
    const i = messages.findIndex(({ offset, length }) => offset === this.#item.offset && length === this.#item.length);
    const which = t(`detail.write.${record.dir === 'up' ? 'up' : 'down'}`, { seq: record.seq, conn: record.conn, n: record.n ?? this.#parts.bytes.length });
    const whom = messages.length > 1 && i >= 0 ? t('detail.write.others', { n: messages.length, i: i + 1 }) : t('detail.write.alone');
    if (this.#scope && this.#scope.start < record.offset) return html`<p class="detail-write small quiet">${which}, ${t('detail.write.completed')}.</p>`;
    const took = record.took > 100_000 ? `; ${t('detail.write.took', { time: duration(record.took / 1e6) })}` : '';
    return html`<p class="detail-write small quiet">${which}, ${whom}${took}.</p>`;
  }

  #explanation() {
    const part = this.#lit && !this.#pinned ? this.#lit : this.#active;
    if (!part) return nothing;
    const { entry, kind, span } = part;
    const frame = this.#parts.frameOf(part);
    const where = devtools(part);
    const tell = (type, other) => {
      if (type === 'lit') this.#point(other);
      else {
        this.#pin(other);
        this.#reveal(other);
      }
    };
    const last = Math.max(part.start, part.end - 1);
    return html`<div class="explain" data-role=${part.role || 'mixed'}>
      <div class="explain-text">
        <h3>${part.name}${entry !== kind && !part.name.includes(entry.label) ? html`<span class="quiet">: ${entry.label}</span>` : nothing}
          <span class="explain-role">${t(`detail.role.${part.role || 'mixed'}`)}</span></h3>
        ${part.wrong ? html`<p class="explain-wrong"><b aria-hidden="true">✗</b> <b>${t('detail.wrong')}</b> ${part.wrong}</p>` : nothing}
        <p class="explain-sentence">${entry.text}</p>
        ${entry !== kind && kind.text && !part.children.length ? html`<p class="quiet small">${kind.text}</p>` : nothing}
        ${part.parent?.span.explain && part.leaf ? html`<p class="quiet small">${t('detail.explain.in', { name: part.parent.name, text: part.parent.entry.text })}</p>` : nothing}
        ${span.masked ? html`<p>${t('detail.explain.secret')}</p>` : nothing}
        ${span.part ? html`<p>${t(`detail.explain.piece.${span.part}`)}</p>` : nothing}
        <dl class="explain-facts">
          ${part.value ? html`<div><dt>${t('detail.explain.value')}</dt><dd><code>${excerpt(part.value, 400)}</code></dd></div>` : nothing}
          ${part.note ? html`<div><dt>${t('detail.explain.note')}</dt><dd>${visible(part.note)}</dd></div>` : nothing}
        </dl>
        <p class="label">${part.bits ? t('detail.explain.bits', { from: part.start }) : t(part.length > 1 ? 'detail.explain.at' : 'detail.explain.at-one', { n: part.length, from: part.start, to: last })}</p>
        <p class="explain-links">
          ${spec(entry)}
          <a class="no-print" href=${`${hash({ ...this.#app.view, selected: this.#item.ref })}&part=${part.index}`}>${t('detail.nav.link')}</a>
        </p>
      </div>
      <div class="explain-more">
        ${where ? html`<p class="detail-devtools"><b>${t('detail.explain.devtools')}</b> ${where}</p>` : nothing}
        ${frame ? html`${bits(frame, { active: this.#active, lit: this.#lit, tell })}${mask(this.#parts, frame, part)}` : nothing}
      </div>
      <div class="explain-nav no-print">
        <button type="button" class="bare" ?disabled=${!(this.#active?.index > 0)} @click=${() => this.#stepPart(-1)}>‹ ${t('detail.nav.previous-part')}</button>
        <button type="button" class="bare" ?disabled=${!(this.#active && this.#active.index < this.#parts.all.length - 1)} @click=${() => this.#stepPart(1)}>${t('detail.nav.next-part')} ›</button>
        ${this.#pinned ? html`<span class="small quiet">${t('detail.nav.pinned')}</span>
          <button type="button" class="bare" @click=${() => this.#letGo()}>${t('detail.nav.let-go')}</button>` : nothing}
      </div>
    </div>`;
  }

  /** #same leads to the same event on the other lanes: that is what the page is for. */
  #same() {
    const { id, lane, kind } = this.#item;
    if (kind !== 'event' || !id) return nothing;
    const { trace, view, lanes } = this.#app;
    const found = [...(lanes?.keys() ?? [])].filter((name) => name !== lane && view.lanes.has(name))
      .map((name) => trace.byId(name, id)).filter(Boolean);
    if (!found.length) return nothing;
    return html`<p class="detail-same no-print"><span class="label">${t('detail.same.title')}</span>
      ${found.map((item) => html`<button type="button" class="bare" data-lane=${item.lane} @click=${() => show(this.#app, item)}>
        <span class="badge" aria-hidden="true">${t(`detail.letter.${item.lane}`)}</span>${laneTitle(item.lane)}</button>`)}</p>`;
  }

  /** #allParts has all parts of what is selected, one below the other: to read, and to print. */
  #allParts() {
    const { start, end } = this.#scope ?? { start: this.#parts.from, end: this.#parts.to };
    const inside = this.#parts.all.filter((part) => part.start < end && part.end > start);
    const seen = new Set();
    const row = (part) => {
      const { entry } = part;
      const known = seen.has(entry.key);
      seen.add(entry.key);
      const bytes = part.leaf ? Array.from(this.#parts.slice(part).subarray(0, 12), (byte) => hex(byte).toLowerCase()).join(' ') : '';
      return html`<tr data-role=${part.role || 'mixed'} class=${part.leaf || part.bits ? '' : 'whole'}>
        <td class="all-parts-bytes">${part.bits ?? bytes}${part.leaf && part.length > 12 ? ' …' : ''}</td>
        <td class="all-parts-says">${part.value && !part.bits ? html`<code>${excerpt(part.value, 60)}</code>` : part.bits ? part.span.label : ''}</td>
        <td class="all-parts-is" .style=${`--depth: ${part.depth}`}><b>${part.name}</b>${part.wrong ? html` <span class="bad">✗ ${part.wrong}</span>` : nothing}${known ? nothing : html`
          <span>${entry.text}</span> ${spec(entry)}`}</td></tr>`;
    };
    return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${t('detail.all.title')}><table class="all-parts">
      <thead><tr><th scope="col">${t('detail.all.bytes')}</th><th scope="col">${t('detail.all.says')}</th><th scope="col">${t('detail.all.is')}</th></tr></thead>
      <tbody>${inside.slice(0, mostListed).map(row)}</tbody></table></div>
      ${inside.length > mostListed ? html`<p class="small quiet">${t('detail.all.more', { n: inside.length - mostListed })}</p>` : nothing}`;
  }
}

customElements.define('push-detail', Detail);

function wanted(address) {
  const fields = new URLSearchParams(address.replace(/^#/, ''));
  return fields.has('part') ? { item: fields.get('item'), part: Number(fields.get('part')) } : undefined;
}

function spec({ spec: clause, url }) {
  if (!clause) return nothing;
  return html`<a href=${url} target="_blank" rel="noreferrer" title=${t('detail.explain.spec-new', { spec: clause })}>${clause} <span aria-hidden="true">↗</span></a>`;
}

/** costBar shows what the bytes are there for, as parts of a bar. */
function costBar(cost) {
  const shown = roles.filter((role) => cost[role]);
  return html`<div class="roles">
    <div class="roles-bar" aria-hidden="true">${shown.map((role) => html`<span data-role=${role} .style=${`flex-grow: ${cost[role]}`}></span>`)}</div>
    <p class="roles-key">${shown.map((role) => html`<span data-role=${role}><i aria-hidden="true"></i>${t(`detail.role.${role}`)} <b class="num">${cost[role]}</b></span>`)}</p>
  </div>`;
}
