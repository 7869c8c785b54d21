/**
 * <push-bytes>: bytes in hexadecimal, as text, or both, each in the colour and the rule of what it is there for.
 *
 *   parts     Parts, whose bytes are shown
 *   scope     { start, end } of what they are about; the bytes around it are quiet
 *   active    the part that is looked at, lit another one that is pointed at
 *   mode      attribute: 'both', 'hex' or 'text' at the beginning
 *
 * It tells 'lit' when the pointer comes to another part (detail: the part or undefined), 'active' when the cursor does,
 * 'pin' when one is chosen, 'mode' when another mode is. However many bytes there are, only the rows that can be seen are in the document.
 */
import { html, nothing, render } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { Characters, binary, cut, wrong } from './characters.js';
import { notes } from './bytenotes.js';
import { Rows } from './rows.js';
import { hex, symbol, written } from './symbols.js';

const heights = { both: 2.5, hex: 1.5, text: 1.5, note: 1.3 }; // of rows, in rem
const cellWidth = 1.5; // rem, at least
const addressWidth = 3.25;
const mostPrinted = 4096; // bytes on paper
let count = 0;

class Bytes extends HTMLElement {
  #id = `bytes-${++count}`;
  #parts;
  #scope;
  #active;
  #lit;
  #mode = 'both';
  #unmask = false;
  #cursor; // a place in parts.bytes
  #anchor; // where the selection begins; it ends at the cursor
  #dragging = false;
  #said = '';

  #bytes; // as they are shown
  #characters;
  #rows;
  #per = 16; // bytes in a row
  #width = 0;
  #height = 0;
  #printing = false;
  #drawing = false;
  #resized = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === this.#width && contentRect.height === this.#height) return;
    const other = contentRect.width !== this.#width;
    ({ width: this.#width, height: this.#height } = contentRect);
    if (other) this.#layout();
    this.#draw();
  });
  #stop;

  connectedCallback() {
    this.#mode = this.getAttribute('mode') ?? this.#mode;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    // What is printed is all there is, and no window into it.
    addEventListener('beforeprint', () => this.#print(true), { signal });
    addEventListener('afterprint', () => this.#print(false), { signal });
    addEventListener('pointerup', () => { this.#dragging = false; }, { signal });
    this.#drawNow();
  }

  disconnectedCallback() {
    this.#stop.abort();
    this.#resized.disconnect();
  }

  get parts() { return this.#parts; }

  set parts(parts) {
    if (parts === this.#parts) return;
    this.#parts = parts;
    this.#scope = undefined;
    this.#cursor = this.#anchor = undefined;
    this.#said = '';
    this.#read();
    const scroller = this.#scroller;
    if (scroller) scroller.scrollTop = 0;
    this.#draw();
  }

  set scope(scope) {
    if (scope === this.#scope) return;
    this.#scope = scope;
    this.#draw();
  }

  set active(part) {
    if (part === this.#active) return;
    this.#active = part;
    if (part && !(this.#cursor !== undefined && this.#offset(this.#cursor) >= part.start && this.#offset(this.#cursor) < part.end)) {
      this.#cursor = this.#anchor = undefined; // another one was chosen elsewhere
    }
    this.#draw();
  }

  set lit(part) {
    if (part === this.#lit) return;
    this.#lit = part;
    this.#draw();
  }

  get mode() { return this.#mode; }

  set mode(mode) {
    if (mode === this.#mode) return;
    if (!this.#parts) {
      this.#mode = mode;
      return;
    }
    const [first] = this.#visible();
    const keep = this.#rows.starts[first];
    this.#mode = mode;
    this.#layout();
    this.#draw();
    if (this.#scroller && first > 0) this.#scroller.scrollTop = this.#rows.tops[this.#rows.of(keep)];
  }

  #choose(mode) {
    this.mode = mode;
    this.#tell('mode', mode);
  }

  /** reveal scrolls, if it must, until a part can be seen; of a long one the beginning. */
  reveal(part) {
    if (!part || !this.#rows || !this.#scroller || part.length === 0) return;
    const { from, to } = this.#parts;
    this.#show(this.#rows.of(Math.max(0, part.start - from)), this.#rows.of(Math.min(part.end, to) - from - 1));
  }

  get #scroller() { return this.querySelector('.bytes-window'); }

  #offset(i) { return this.#parts.from + i; }

  /** #read decides what is shown for the bytes, anew when a mask comes off. */
  #read() {
    if (!this.#parts) return;
    const masked = this.#parts.masks.length > 0 && !this.#unmask;
    this.#bytes = masked || !this.#parts.masks.length ? this.#parts.bytes : this.#parts.unmasked();
    this.#characters = new Characters(this.#parts, this.#bytes, masked);
    this.#layout();
  }

  /** #layout cuts the bytes into rows, as many in each as there is room for. */
  #layout() {
    if (!this.#parts) return;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.#per = this.#width >= (addressWidth + 16 * cellWidth) * rem ? 16 : 8;
    const columns = Math.floor((this.#width - (addressWidth + 0.5) * rem) / this.#columnWidth()) || 48;
    this.#rows = new Rows(this.#characters, {
      as: this.#mode, per: this.#per, columns: Math.max(16, Math.min(96, columns)), notes: notes(this.#parts),
      height: heights[this.#mode] * rem, noteHeight: heights.note * rem,
    });
  }

  #columnWidth() {
    const probe = this.querySelector('.bytes-probe');
    return probe ? probe.getBoundingClientRect().width / 10 || 8 : 8;
  }

  /** #visible returns the first row that can be seen, and the one behind the last. */
  #visible() {
    const rows = this.#rows;
    if (!rows) return [0, 0];
    if (this.#printing) return [0, Math.min(rows.length, rows.of(mostPrinted) + 1)];
    const top = this.#scroller?.scrollTop ?? 0;
    return [Math.max(0, rows.at(top) - 3), Math.min(rows.length, rows.at(top + (this.#height || 400)) + 4)];
  }

  /** #show scrolls until some rows can be seen. */
  #show(first, last = first) {
    const scroller = this.#scroller;
    const { scrollTop, clientHeight: height } = scroller;
    const margin = 8;
    const top = Math.max(0, this.#rows.tops[first] - margin);
    const bottom = this.#rows.tops[last + 1] + margin;
    if (top < scrollTop || bottom - top > height && top > scrollTop + height / 3) scroller.scrollTop = top;
    else if (bottom > scrollTop + height && bottom - top <= height) scroller.scrollTop = bottom - height;
  }

  get #selection() {
    if (this.#anchor === undefined || this.#anchor === this.#cursor) return undefined;
    const [a, b] = [this.#anchor, this.#cursor].sort((x, y) => x - y);
    return { start: this.#offset(a), end: this.#offset(this.#next(b)) };
  }

  /** #next is where the character behind that of a byte begins, in text; else the next byte. */
  #next(i) {
    return this.#mode === 'text' ? i + Math.max(1, this.#characters.size[i]) : i + 1;
  }

  #draw() {
    if (this.#drawing || !this.isConnected) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      if (this.isConnected) this.#drawNow();
    });
  }

  #print(on) {
    this.#printing = on;
    if (this.#parts) this.#drawNow();
  }

  #drawNow() {
    if (!this.#parts) {
      render(nothing, this);
      return;
    }
    const { masks } = this.#parts;
    render(html`
      <div class="bytes-bar no-print">
        <span class="switch tight" role="radiogroup" aria-label=${t('detail.bytes.mode')}>
          ${['both', 'hex', 'text'].map((mode) => html`<label><input type="radio" name="${this.#id}-mode" value=${mode}
            .checked=${mode === this.#mode} @change=${() => this.#choose(mode)}>${t(`detail.bytes.${mode}`)}</label>`)}
        </span>
        ${masks.length ? html`<span class="switch tight" role="radiogroup" aria-label=${t('detail.bytes.mask')}>
          ${[false, true].map((unmask) => html`<label><input type="radio" name="${this.#id}-mask" value=${unmask ? 'off' : 'on'}
            .checked=${unmask === this.#unmask} @change=${() => this.#setUnmask(unmask)}>${t(unmask ? 'detail.bytes.mask-off' : 'detail.bytes.mask-on')}</label>`)}
        </span>` : nothing}
        <span class="bytes-copy"><span class="label" id="${this.#id}-copy">${t('detail.bytes.copy')}</span>
          ${['hex', 'text', 'c'].map((format) => html`<button type="button" class="bare" aria-label=${t(`detail.bytes.copy-${format}`)}
            @click=${() => this.#copy(format)}>${t(`detail.bytes.as-${format}`)}</button>`)}
        </span>
      </div>
      <div class="bytes-window" data-mode=${this.#mode} role="grid" tabindex="0" aria-label=${t('detail.bytes.title', { n: this.#bytes.length })}
        aria-rowcount=${this.#rows.length} aria-multiselectable="true"
        aria-activedescendant=${this.#cursor === undefined ? nothing : `${this.#id}-${this.#cursor}`}
        @scroll=${() => this.#draw()} @keydown=${(event) => this.#key(event)} @focus=${() => this.#focus()}
        @pointerover=${(event) => this.#point(event)} @pointerleave=${() => this.#tell('lit', undefined)}
        @pointerdown=${(event) => this.#press(event)} @click=${(event) => this.#click(event)}>
        <span class="bytes-probe" aria-hidden="true">0000000000</span>
        ${this.#drawRows()}
      </div>
      ${this.#printing && this.#bytes.length > mostPrinted ? html`<p class="small quiet">${t('detail.bytes.more', { n: this.#bytes.length - this.#rows.starts[this.#visible()[1]] })}</p>` : nothing}
      <p class="bytes-status small" data-bad=${this.#statusBad ? '' : nothing}>${this.#status()}</p>
      <p class="hidden-text" role="status">${this.#said}</p>`, this);
    const scroller = this.#scroller;
    if (!this.#width) {
      this.#resized.observe(scroller);
      this.#width = scroller.clientWidth; // the observer tells only after the first frame
      this.#height = scroller.clientHeight;
      this.#layout();
      this.#draw();
    }
  }

  #drawRows() {
    const [first, end] = this.#visible();
    const rows = [];
    for (let row = first; row < end; row++) rows.push(this.#drawRow(row));
    return html`<div class="bytes-rows" role="rowgroup" ?data-all=${this.#printing} .style=${this.#printing ? '' : `height: ${this.#rows.height}px`}>${rows}</div>`;
  }

  #drawRow(row) {
    const [start, end] = this.#rows.starts.subarray(row, row + 2);
    const text = this.#mode === 'text';
    const cells = [];
    const per = this.#per;
    for (let i = start; i < end; i++) if (!text || this.#characters.size[i] > 0) cells.push(this.#drawCell(i, start, end, per));
    const [top, bottom] = this.#rows.tops.subarray(row, row + 2);
    const place = this.#printing ? '' : `top: ${top}px; height: ${bottom - top}px`;
    return html`<div class="bytes-row" role="row" aria-rowindex=${row + 1} .style=${place}>
      <span class="bytes-at" role="rowheader">${String(this.#offset(start))}</span>
      <span class="bytes-cells" role="presentation" .style=${text ? '' : `--per: ${per}`}>${cells}</span>
      ${this.#rows.notes.get(row)?.map((note) => this.#drawNote(note, note.at - start))}
    </div>`;
  }

  #drawNote({ text, sign, bad, role }, column) {
    const turned = this.#mode !== 'text' && column >= this.#per / 2;
    const style = this.#mode === 'text' ? '' : `--column: ${column}; --per: ${this.#per}`;
    return html`<span class="bytes-note" aria-hidden="true" ?data-turned=${turned} ?data-bad=${bad} data-role=${role ?? nothing} .style=${style}><b>${sign ?? '└'}</b><span>${text}</span></span>`;
  }

  #drawCell(i, start, end, per) {
    const text = this.#mode === 'text';
    const offset = this.#offset(i);
    const leaf = this.#parts.at(offset);
    const { size, code, sort } = this.#characters;
    const byte = this.#bytes[i];
    const inside = !this.#scope || offset >= this.#scope.start && offset < this.#scope.end;
    const selection = this.#selection;
    const selected = selection ? offset >= selection.start && offset < selection.end : this.#has(this.#active, offset);
    const classes = ['byte'];
    if (!inside) classes.push('outside');
    if (leaf && leaf.start === offset) classes.push('first');
    if (this.#has(this.#lit, offset)) classes.push('lit');
    if (this.#has(this.#active, offset)) {
      classes.push('active');
      if (!this.#active.leaf) classes.push('whole'); // then a line around it is enough
      // The line around it is drawn where its neighbour is another part.
      if (offset === this.#active.start) classes.push('active-first');
      if (this.#offset(this.#next(i)) >= this.#active.end) classes.push('active-last');
      if (text || !this.#has(this.#active, offset - per)) classes.push('active-top');
      if (text || !this.#has(this.#active, offset + per)) classes.push('active-bottom');
    }
    if (selection && selected) classes.push('selected');
    if (i === this.#cursor) classes.push('cursor');
    if (leaf?.span.kind === 'sse-dispatch') classes.push('dispatch');
    if (leaf?.wrong || sort[i] === wrong) classes.push('wrong');
    if (leaf?.span.masked) classes.push('secret');
    if (this.#unmask && this.#parts.masks.some((mask) => offset >= mask.start && offset < mask.end)) classes.push('unmasked');

    const shown = size[i] ? this.#symbol(code[i], sort[i]) : { text: i === start ? '⋯' : '', as: 'space' };
    const span = Math.min(Math.max(1, size[i]), end - i);
    const digits = hex(byte).toLowerCase();
    const label = [this.#mode !== 'hex' && shown.text, digits].filter(Boolean).join(' ') + (leaf ? `, ${leaf.name}` : '');
    const character = html`<span class="char ${shown.as}" ?data-wide=${span > 1} .style=${span > 1 ? `--span: ${span}` : ''}>${shown.text}</span>`;
    return html`<span class=${classes.join(' ')} role="gridcell" id="${this.#id}-${i}" data-at=${i} data-role=${leaf?.role ?? 'none'}
      aria-selected=${selected ? 'true' : 'false'} aria-label=${label}>${
  this.#mode === 'hex' ? nothing : character} ${text ? nothing : html`<span class="hex">${digits}</span>`}</span>`;
  }

  #has(part, offset) { return Boolean(part) && offset >= part.start && offset < part.end; }

  #symbol(code, sort) {
    if (sort === cut) return { text: '⋯', as: 'cut' };
    if (sort === wrong) return { text: '\ufffd', as: 'broken' };
    if (sort === binary) return { text: '', as: 'space' };
    return symbol(code);
  }

  /** The line below says what a byte is: the one at the cursor, or that of the part that is pointed at. */
  #status() {
    const offset = this.#cursor !== undefined && !this.#lit ? this.#offset(this.#cursor) : undefined;
    const selection = this.#selection;
    if (selection && !this.#lit) return t('detail.bytes.selected', { n: selection.end - selection.start, from: selection.start, to: selection.end - 1 });
    if (offset === undefined) {
      const part = this.#lit ?? this.#active;
      if (!part) return t('detail.bytes.hint');
      return t(part.length > 1 ? 'detail.bytes.part' : 'detail.bytes.part-one', { name: part.name, n: part.length, from: part.start, to: Math.max(part.start, part.end - 1), role: part.role ? t(`detail.role.${part.role}`) : t('detail.role.mixed') });
    }
    const i = this.#cursor;
    const first = this.#characters.begins(i);
    const { sort, code, size } = this.#characters;
    const leaf = this.#parts.at(offset);
    const sorts = { [cut]: 'cut', [wrong]: 'wrong', [binary]: 'binary' };
    const what = sorts[sort[i]] ? t(`detail.bytes.${sorts[sort[i]]}`)
      : t('detail.bytes.character', { character: symbol(code[first]).text, code: `U+${hex(code[first], 4)}`, n: size[first] });
    return `${t('detail.bytes.byte', { at: offset, hex: `0x${hex(this.#bytes[i])}`, bits: this.#bytes[i].toString(2).padStart(8, '0'), decimal: this.#bytes[i] })} · ${what} · ${leaf ? leaf.name : t('detail.bytes.unknown')}`;
  }

  get #statusBad() {
    return !this.#lit && this.#cursor !== undefined && this.#characters.sort[this.#cursor] === wrong;
  }

  #setUnmask(on) {
    this.#unmask = on;
    this.#read();
    this.#draw();
  }

  #tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }

  #place(event) {
    const cell = event.target.closest('[data-at]');
    return cell ? Number(cell.dataset.at) : undefined;
  }

  #point(event) {
    const i = this.#place(event);
    if (i === undefined) return;
    if (this.#dragging && event.buttons & 1) {
      this.#cursor = i;
      this.#draw();
    }
    const part = this.#parts.at(this.#offset(i));
    if (part !== this.#lit) this.#tell('lit', part);
  }

  #press(event) {
    const i = this.#place(event);
    if (i === undefined || event.button !== 0) return;
    if (event.shiftKey && this.#cursor !== undefined) {
      this.#anchor ??= this.#cursor;
    } else {
      this.#anchor = i;
    }
    this.#cursor = i;
    this.#dragging = event.pointerType === 'mouse';
    this.#draw();
  }

  #click(event) {
    const i = this.#place(event);
    if (i === undefined || this.#selection) return;
    const part = this.#parts.at(this.#offset(i));
    if (part) this.#tell('pin', part);
  }

  #focus() {
    if (this.#cursor !== undefined || !this.#scroller.matches(':focus-visible')) return;
    const start = Math.max(0, (this.#active?.start ?? this.#scope?.start ?? this.#parts.from) - this.#parts.from);
    this.#move(Math.min(start, this.#bytes.length - 1), false);
  }

  #move(to, extend) {
    const last = this.#bytes.length - 1;
    if (last < 0) return;
    const from = this.#cursor;
    this.#cursor = Math.max(0, Math.min(last, to));
    if (this.#mode === 'text') this.#cursor = this.#characters.begins(this.#cursor);
    this.#anchor = extend ? this.#anchor ?? from : this.#cursor;
    this.#show(this.#rows.of(this.#cursor));
    const part = this.#parts.at(this.#offset(this.#cursor));
    if (part && !extend) this.#tell('active', part);
    this.#draw();
  }

  #key(event) {
    const { key, shiftKey } = event;
    const command = event.ctrlKey || event.metaKey;
    const i = this.#cursor ?? Math.max(0, (this.#active?.start ?? this.#parts.from) - this.#parts.from);
    const row = this.#rows.of(i);
    const { starts, tops, length } = this.#rows;
    const inRow = (to) => {
      to = Math.max(0, Math.min(length - 1, to));
      return Math.min(starts[to] + i - starts[row], starts[to + 1] - 1);
    };
    const page = Math.max(1, Math.floor(this.#height / (tops[1] || 24)) - 1);
    const keys = {
      ArrowRight: () => this.#next(i),
      ArrowLeft: () => i - 1,
      ArrowDown: () => inRow(row + 1),
      ArrowUp: () => inRow(row - 1),
      PageDown: () => inRow(row + page),
      PageUp: () => inRow(row - page),
      Home: () => command ? 0 : starts[row],
      End: () => command ? this.#bytes.length - 1 : starts[row + 1] - 1,
    };
    if (keys[key]) {
      this.#move(keys[key](), shiftKey);
    } else if (key === 'Enter' || key === ' ') {
      const part = this.#parts.at(this.#offset(i));
      if (part) this.#tell('pin', part);
    } else if (key === 'Escape' && this.#selection) {
      this.#anchor = this.#cursor;
      this.#draw();
    } else if (command && key.toLowerCase() === 'c') {
      this.#copy(this.#mode === 'text' ? 'text' : 'hex');
    } else if (command && key.toLowerCase() === 'a') {
      this.#anchor = 0;
      this.#cursor = this.#bytes.length - 1;
      this.#draw();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  async #copy(format) {
    const { start, end } = this.#selection ?? this.#active ?? this.#scope ?? { start: this.#parts.from, end: this.#parts.to };
    const bytes = this.#bytes.subarray(Math.max(0, start - this.#parts.from), Math.max(0, end - this.#parts.from));
    try {
      await navigator.clipboard.writeText(written(bytes, format));
      this.#said = t('detail.bytes.copied', { n: bytes.length, format: t(`detail.bytes.as-${format}`) });
    } catch (error) {
      this.#said = t('detail.bytes.not-copied', { why: error.message });
    }
    this.#draw();
  }
}

customElements.define('push-bytes', Bytes);
