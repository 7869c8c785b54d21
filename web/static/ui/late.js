/**
 * What is not in the first view comes late: its code, its words and its style sheet are loaded when it is about to be
 * seen, or needed. Until then an empty element holds its place (shell.css says how much of it).
 *
 * Late is such an element whose view is a class of its own. A subclass has load(app), which promises the view.
 */
import { t } from '../text.js';

const near = '0px'; // around what can be seen: this server is near, too

export class Late extends HTMLElement {
  #app;
  #view;

  set app(app) {
    if (app === this.#app) return;
    this.#app = app;
    whenNear(this, () => this.view());
  }

  get app() { return this.#app; }

  /** view promises the view, and loads it now if it must; undefined if that failed. */
  view() {
    if (!this.#view) {
      waits(this);
      this.#view = this.load(this.#app).catch((error) => failed(this, error));
    }
    return this.#view;
  }
}

/** whenNear calls once, when an element is about to be seen. */
export function whenNear(element, call) {
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    seen.disconnect();
    call();
  }, { rootMargin: near });
  seen.observe(element);
}

/** waits says in a part's place that it is on its way, and ready takes that away. */
export function waits(element) {
  element.setAttribute('aria-busy', 'true');
  if (element.childElementCount) return; // something else stands there meanwhile
  const text = document.createElement('p');
  text.className = 'small quiet no-print';
  text.textContent = t('shell.start.part-coming');
  element.append(text);
}

/** missing says on paper, in the place of a part that is on its way still, what is not there. */
export function missing(element) {
  if (!element.hasAttribute('aria-busy') || element.querySelector('.print-only')) return;
  const text = document.createElement('p');
  text.className = 'print-only';
  text.textContent = t('shell.start.part-unprinted', { name: t(`shell.start.parts.${element.localName.replace('push-', '')}`) });
  element.append(text);
}

export function ready(element) {
  element.removeAttribute('aria-busy');
  element.replaceChildren();
}

/** failed says in a part's place that it did not come. */
export function failed(element, error) {
  console.error(`${element.localName}:`, error);
  element.removeAttribute('aria-busy');
  element.textContent = t('shell.start.part-failed', { name: element.localName.replace('push-', '') });
}

const styles = new Map(); // address → promise

/** style loads a style sheet, once. Without it a part is still better than nothing. */
export function style({ href }) {
  if (!styles.has(href)) {
    styles.set(href, new Promise((resolve) => {
      const link = document.createElement('link');
      link.rel = 'stylesheet';
      link.href = href;
      link.onload = link.onerror = resolve;
      document.head.append(link);
    }));
  }
  return styles.get(href);
}
