/** What the lessons are, while none runs: the list of them, which are done, and where to begin. */
import { html, nothing, render } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { lessons } from '../lessons/index.js';
import { Progress } from '../lessons/progress.js';
import { need } from './later.js';
import './first.js';

/** titleOf is the name of a lesson. */
export function titleOf(key) {
  return t(`shell.lessons.titles.${key}`);
}

/**
 * invitation is one line: what to do first, the lessons, and the question that most come with. progress is what was done
 * before (lessons/progress.js), deciding whether the decision helper is open, go(n) begins a lesson.
 */
export function invitation({ app, progress, deciding, decide, go }) {
  const next = lessons.findIndex(({ key }) => !progress.of(key).done) + 1;
  return html`<header>
      <push-first .app=${app}></push-first>
      <div class="choose">
        <h2 id="lesson-title" tabindex="-1" title=${t('shell.lessons.invitation')}>${t('shell.lessons.title')}</h2>
        ${numbers({ progress, next, go })}
        <button class="which" aria-expanded=${deciding} @click=${decide}>${t('shell.lessons.decide')}</button>
      </div>
    </header>`;
}

/** numbers is the way to each lesson. current is the one that runs, next the one that says its title; the others have it for those who point or listen. */
export function numbers({ progress, current, next, go }) {
  return html`<nav aria-label=${t('shell.lessons.nav')}><ol class="numbers">${lessons.map(({ key }, i) => {
    const n = i + 1;
    const { done } = progress.of(key);
    return html`<li><a href=${`#lesson=${n}`} class=${[done ? 'done' : '', n === next ? 'next' : ''].join(' ').trim() || nothing} aria-current=${n === current ? 'step' : nothing}
        title=${titleOf(key)} @click=${(event) => follow(event, () => go(n))}>
      <span class="num">${n}</span> <span class=${n === next ? 'title' : 'hidden-text'}>${titleOf(key)}</span>
      ${done ? html`<span class="mark" aria-hidden="true">✓</span><span class="hidden-text">${t('shell.lessons.done')}</span>` : nothing}</a></li>`;
  })}</ol></nav>`;
}

/** follow leaves to the browser what opens another tab. */
function follow(event, go) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go();
}

/** invite shows the invitation in the place of the lessons' panel, which comes when somebody accepts. */
export function invite(app, panel) {
  const place = document.createElement('div');
  const decide = async () => {
    const come = await need(app, 'lesson');
    await come?.decide(true);
    come?.querySelector('[aria-expanded]').focus();
  };
  render(html`<section class="panel lesson" data-stage="idle" aria-labelledby="lesson-title">
    ${invitation({ app, progress: new Progress(), deciding: false, decide, go: (n) => app.set({ lesson: n }) })}</section>`, place);
  panel.replaceChildren(place);
}
