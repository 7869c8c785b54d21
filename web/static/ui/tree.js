/**
 * <push-tree>: the parts of a record as a tree, after the WAI-ARIA pattern.
 *
 *   parts     Parts
 *   scope     { start, end } of what they are about: that is open first
 *   active    the part that is looked at, lit another one that is pointed at, pinned whether active stays
 *
 * It tells 'lit', 'active' and 'pin' as push-bytes does, and 'let-go' for Escape.
 */
import { html, nothing, render, repeat } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { excerpt } from './symbols.js';

const fits = 26; // rows that are open at the beginning, about
let count = 0;

class Tree extends HTMLElement {
  #id = `tree-${++count}`;
  #parts;
  #scope;
  #active;
  #lit;
  #litRow;
  #pinned = false;
  #label = '';
  #open = new Set();
  #typed = '';
  #typedAt = 0;
  #drawing = false;

  connectedCallback() {
    this.setAttribute('role', 'tree');
    this.addEventListener('keydown', (event) => this.#key(event));
    this.addEventListener('click', (event) => this.#click(event));
    this.addEventListener('pointerover', (event) => this.#tell('lit', this.#partOf(event)));
    this.addEventListener('pointerleave', () => this.#tell('lit', undefined));
    this.addEventListener('focusin', (event) => this.#tell('active', this.#partOf(event)));
    this.#drawNow();
  }

  set label(label) {
    this.#label = label;
    this.setAttribute('aria-label', label);
  }

  set parts(parts) {
    if (parts === this.#parts) return;
    this.#parts = parts;
    this.#scope = undefined;
    this.#unfold();
    this.scrollTop = 0;
    this.#draw();
  }

  set scope(scope) {
    if (scope === this.#scope) return;
    this.#scope = scope;
    this.#unfold();
    this.#draw();
  }

  set active(part) {
    if (part === this.#active) return;
    this.#active = part;
    for (let above = part?.parent; above; above = above.parent) this.#open.add(above);
    this.#draw();
  }

  set lit(part) {
    if (part === this.#lit) return;
    this.#lit = part;
    this.#draw();
  }

  set pinned(pinned) {
    if (pinned === this.#pinned) return;
    this.#pinned = pinned;
    this.#draw();
  }

  /** reveal scrolls, if it must, until a part can be seen. The page itself does not move. */
  reveal(part) {
    this.#drawNow();
    let row;
    for (let one = part; one && !row; one = one.parent) row = this.#row(one);
    if (!row) return;
    const frame = this.getBoundingClientRect();
    const { top, bottom } = row.getBoundingClientRect();
    if (top < frame.top) this.scrollTop += top - frame.top - 8;
    else if (bottom > frame.bottom) this.scrollTop += bottom - frame.bottom + 8;
  }

  #row(part) { return this.querySelector(`[data-part="${part.index}"]`); }

  /** #unfold opens level by level, as long as all fits; parts outside of the scope stay closed. */
  #unfold() {
    this.#open.clear();
    if (!this.#parts) return;
    const { roots } = this.#parts;
    const inside = ({ start, end }) => !this.#scope || start < this.#scope.end && end > this.#scope.start;
    let rows = roots.length;
    let level = roots.filter(inside);
    while (level.length) {
      const next = level.flatMap(({ children }) => children);
      rows += next.length;
      if (rows > fits && level !== roots && this.#open.size) return;
      for (const part of level) if (part.children.length) this.#open.add(part);
      level = next.filter((part) => part.children.length && inside(part));
    }
  }

  /** #shown are the parts that have a row. */
  #shown() {
    const shown = [];
    const add = (parts) => {
      for (const part of parts) {
        shown.push(part);
        if (this.#open.has(part)) add(part.children);
      }
    };
    add(this.#parts?.roots ?? []);
    return shown;
  }

  #draw() {
    if (this.#drawing || !this.isConnected) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      if (this.isConnected) this.#drawNow();
    });
  }

  #drawNow() {
    const shown = this.#shown();
    const visible = new Set(shown);
    let lit = this.#lit; // or what it is folded away in
    while (lit && !visible.has(lit)) lit = lit.parent;
    this.#litRow = lit;
    const stop = shown.includes(this.#active) ? this.#active : shown[0]; // where Tab leads
    render(repeat(shown, ({ index }) => index, (part) => this.#drawRow(part, stop)), this);
  }

  #drawRow(part, stop) {
    const siblings = part.parent ? part.parent.children : this.#parts.roots;
    const inside = !this.#scope || part.start < this.#scope.end && part.end > this.#scope.start;
    const state = [
      part === this.#active && 'active', part === this.#active && this.#pinned && 'pinned',
      part === this.#litRow && 'lit', !inside && 'outside',
    ].filter(Boolean).join(' ');
    return html`<div role="treeitem" id="${this.#id}-${part.index}" data-part=${part.index} class=${state}
      aria-level=${part.depth + 1} aria-setsize=${siblings.length} aria-posinset=${siblings.indexOf(part) + 1}
      aria-expanded=${part.children.length ? String(this.#open.has(part)) : nothing} aria-selected=${String(part === this.#active)}
      tabindex=${part === stop ? 0 : -1} .style=${`--depth: ${part.depth}`} data-role=${part.role || 'mixed'}>
      <span class=${part.children.length ? 'tree-twist' : 'tree-role'} aria-hidden="true"></span>
      <span class="tree-text"><span class="tree-name">${part.name}</span>${part.value ? html` <code class="tree-value">${excerpt(part.value, 90)}</code>` : nothing}${
  part.note ? html` <span class="tree-note">${excerpt(part.note, 70)}</span>` : nothing}${
  part.span.part ? html` <span class="tree-note">${t(`detail.part.${part.span.part}`)}</span>` : nothing}${
  part.wrong ? html` <span class="tree-wrong"><b aria-hidden="true">✗</b><span class="hidden-text">${t('detail.wrong')}</span> ${part.wrong}</span>` : nothing}</span>
    </div>`;
  }

  #tell(type, part) {
    if (type === 'active' && !part) return;
    this.dispatchEvent(new CustomEvent(type, { detail: part }));
  }

  #partOf(event) {
    const row = event.target.closest('[data-part]');
    return row ? this.#parts.all[Number(row.dataset.part)] : undefined;
  }

  #click(event) {
    const part = this.#partOf(event);
    if (!part) return;
    if (event.target.closest('.tree-twist') && part.children.length) this.#toggle(part);
    else this.#tell('pin', part);
  }

  #toggle(part, open = !this.#open.has(part)) {
    if (open) this.#open.add(part);
    else this.#open.delete(part);
    this.#drawNow();
  }

  #focus(part) {
    if (!part) return;
    this.#tell('active', part);
    this.#drawNow();
    this.#row(part)?.focus({ preventScroll: true });
    this.reveal(part);
  }

  #key(event) {
    const part = this.#partOf(event);
    if (!part || event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = this.#shown();
    const at = shown.indexOf(part);
    const open = this.#open.has(part);
    const keys = {
      ArrowDown: () => this.#focus(shown[at + 1]),
      ArrowUp: () => this.#focus(shown[at - 1]),
      ArrowRight: () => {
        if (part.children.length && !open) this.#toggle(part, true);
        else if (open) this.#focus(part.children[0]);
      },
      ArrowLeft: () => {
        if (open) this.#toggle(part, false);
        else this.#focus(part.parent);
      },
      Home: () => this.#focus(shown[0]),
      End: () => this.#focus(shown.at(-1)),
      Enter: () => this.#tell('pin', part),
      ' ': () => this.#tell('pin', part),
      '*': () => {
        for (const one of part.parent ? part.parent.children : this.#parts.roots) if (one.children.length) this.#open.add(one);
        this.#drawNow();
      },
    };
    if (keys[event.key]) {
      this.#typed = '';
      keys[event.key]();
    } else if (event.key === 'Escape' && this.#pinned) {
      this.#tell('let-go', part);
    } else if (event.key.length === 1) {
      this.#type(event.key, shown, at, event.timeStamp);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** #type goes to the next part whose name begins with what was typed within a second. */
  #type(letter, shown, at, now) {
    this.#typed = now - this.#typedAt < 1000 ? this.#typed + letter.toLowerCase() : letter.toLowerCase();
    this.#typedAt = now;
    const from = this.#typed.length > 1 ? at : at + 1;
    const order = [...shown.slice(from), ...shown.slice(0, from)];
    this.#focus(order.find(({ name }) => name.toLowerCase().startsWith(this.#typed)));
  }
}

customElements.define('push-tree', Tree);
