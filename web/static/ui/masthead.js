/** <push-masthead>: the name, one sentence, the way into the lessons, and the theme. */
import { Element, html, icon, icons } from './element.js';
import { t } from '../text.js';

const lessons = 9;
const themes = ['', 'light', 'dark'];

class Masthead extends Element {
  static events = ['view'];

  connect(app) {
    app.set({ theme: document.documentElement.dataset.theme ?? '' });
  }

  template(app) {
    const { lesson, theme } = app.view;
    const go = (n) => {
      app.set({ lesson: n });
      if (n) document.querySelector('push-lesson').scrollIntoView({ block: 'nearest' });
    };
    return html`<header class="masthead">
      <h1><img src=${new URL('../icon.svg', import.meta.url)} alt="" width="30" height="30">${t('shell.name')}</h1>
      <p>${t('shell.sentence')}</p>
      <nav class="lessons no-print" aria-label=${t('shell.lesson.nav')}>
        ${lesson ? html`
          <button class="bare" aria-label=${t('shell.lesson.previous')} ?disabled=${lesson <= 1} @click=${() => go(lesson - 1)}>←</button>
          <span class="num">${t('shell.lesson.now', { n: lesson, of: lessons })}</span>
          <button class="bare" aria-label=${t('shell.lesson.next')} ?disabled=${lesson >= lessons} @click=${() => go(lesson + 1)}>→</button>
          <button class="long" @click=${() => go(null)}>${t('shell.lesson.leave')}</button>
        ` : html`<button @click=${() => go(1)}><span class="long">${t('shell.lesson.start', { of: lessons })}</span><span class="short">${t('shell.lesson.nav')}</span></button>`}
      </nav>
      <fieldset class="switch theme no-print">
        <legend class="hidden-text">${t('shell.theme.title')}</legend>
        ${themes.map((name) => html`<label title=${t(`shell.theme.${name || 'auto'}`)}>
          <input type="radio" name="theme" .checked=${theme === name} @change=${() => this.#choose(name)}>
          ${icon(icons[name || 'auto'])}<span class="hidden-text">${t(`shell.theme.${name || 'auto'}`)}</span></label>`)}
      </fieldset>
    </header>`;
  }

  #choose(name) {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    try {
      if (name) localStorage.setItem('theme', name);
      else localStorage.removeItem('theme');
    } catch {
      // Then it lasts until the page is left.
    }
    this.app.set({ theme: name });
  }
}
customElements.define('push-masthead', Masthead);
