/**
 * Late is an element whose code is loaded when it is about to be seen: what stands far down the page need not hold up
 * its beginning. A subclass has load(app), which promises the view.
 */
import { t } from '../text.js';

const near = '500px'; // below what can be seen

export class Late extends HTMLElement {
  #app;
  #view;

  set app(app) {
    if (app === this.#app) return;
    this.#app = app;
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      seen.disconnect();
      this.view();
    }, { rootMargin: near });
    seen.observe(this);
  }

  get app() { return this.#app; }

  /** view promises the view, and loads it now if it must; undefined if that failed. */
  view() {
    this.#view ??= this.load(this.#app).catch((error) => {
      console.error(`${this.localName}:`, error);
      this.textContent = t('shell.start.part-failed', { name: this.localName.replace('push-', '') });
    });
    return this.#view;
  }
}
