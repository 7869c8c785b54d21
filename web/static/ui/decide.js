/**
 * <push-decide>: which way should I use? Six questions. Each answer gives reasons for or against each of the four ways,
 * and all of them are shown: the advice is nothing but their sum. Beside a reason stands what the learner has measured
 * himself, if he has.
 *
 *   .app, .progress (lessons/progress.js)
 */
import { html, live, nothing, render } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { titleOf } from './invitation.js';
import { rich } from './rich.js';
import { lessons } from '../lessons/index.js';
import { advise, questions } from '../lessons/advice.js';

class Decide extends HTMLElement {
  #app;
  #progress;

  set app(app) {
    this.#app = app;
    this.#draw();
  }

  set progress(progress) {
    this.#progress = progress;
    this.#draw();
  }

  #draw() {
    if (!this.#app || !this.#progress) return;
    const answers = this.#progress.decisions;
    render(html`<div class="decide">
      <div class="asked">
        <h3 tabindex="-1">${t('shell.lessons.decide')}</h3>
        <p class="intro">${t('lessons.decide.intro')}</p>
        ${questions.map((question, i) => this.#question(question, i, answers))}
        <p><button class="bare" @click=${() => this.#forget()}>${t('lessons.decide.forget')}</button></p>
      </div>
      <div class="advice" aria-live="polite">
        <h3>${t('lessons.decide.advice')}</h3>
        ${this.#advice(answers)}
      </div>
    </div>`, this);
  }

  #question({ key, options }, i, answers) {
    const area = `lessons.decide.questions.${key}`;
    return html`<fieldset>
      <legend><span class="label">${t('lessons.decide.number', { n: i + 1 })}</span> ${t(`${area}.question`)}</legend>
      ${options.map((option) => html`<label><input type="radio" name=${`decide-${key}`} value=${option} .checked=${live(answers[key] === option)}
        @change=${() => this.#answer(key, option)}><span>${t(`${area}.options.${option}`)}</span></label>`)}
    </fieldset>`;
  }

  #answer(key, option) {
    this.#progress.decide(key, option);
    this.#draw();
  }

  #forget() {
    this.#progress.forget();
    this.#draw();
    this.dispatchEvent(new Event('forget'));
  }

  #advice(answers) {
    if (!Object.keys(answers).length) return html`<p>${t('lessons.decide.none')}</p>`;
    const { ways, best } = advise(answers);
    const title = (name) => this.#app.lanes.get(name).title;
    return html`<p class="best">${best.length
      ? html`${t('lessons.decide.best', { list: list(best.map(({ name }) => title(name))), n: best.length })}
        ${best.length > 1 ? t('lessons.decide.tie', { n: best.length }) : nothing}`
      : t('lessons.decide.nothing')}</p>
      <ul class="ways">${ways.map((way) => html`<li data-lane=${way.name} class=${best.includes(way) ? 'is-best thread' : 'thread'}>
        <h4><span class="badge" aria-hidden="true">${this.#app.lanes.get(way.name).letter}</span> ${title(way.name)}
          <span class="label">${way.out ? t('lessons.decide.out') : t('lessons.decide.balance', { for: way.pro, against: way.con })}</span></h4>
        ${way.reasons.length ? html`<ul>${way.reasons.map((reason) => this.#reason(reason))}</ul>` : html`<p class="quiet">${t('lessons.decide.no-reasons')}</p>`}
      </li>`)}</ul>
      ${this.#evidence(ways)}`;
  }

  #reason({ key, weight }) {
    const sign = weight < -1 ? 'out' : weight < 0 ? 'against' : weight > 0 ? 'for' : 'know';
    return html`<li class=${sign}><span class="sign">${t(`lessons.decide.${sign}`)}</span> <span>${rich(t(`lessons.decide.reasons.${key}`))}</span></li>`;
  }

  /** #evidence lists what the learner's own trace has to say to the reasons, and which lessons would. */
  #evidence(ways) {
    const keys = new Set(ways.flatMap(({ reasons }) => reasons.map(({ lesson }) => lesson)));
    const list = lessons.map(({ key }, i) => ({ key, n: i + 1 })).filter(({ key }) => keys.has(key));
    if (!list.length) return nothing;
    return html`<ul class="evidence">${list.map(({ key, n }) => {
      const { figures, item, lab } = this.#progress.of(key);
      const link = html`<a href=${`#lesson=${n}`}>${t('lessons.ui.heading', { n, title: titleOf(key) })}</a>`;
      const text = figures && t(`lessons.decide.evidence.${key}`, figures);
      if (!text || /\{[a-z]/i.test(text)) return html`<li class="quiet">${fill('lessons.decide.missing', link)}</li>`;
      const kept = lab === this.#app.lab.id && item && this.#app.trace.find(item);
      return html`<li>${t('lessons.decide.yours', { text })} (${fill('lessons.decide.from', link)})
        ${kept ? html`<button class="bare" @click=${() => this.#app.set({ selected: item, paused: true, end: kept.at + 0.4 * this.#app.view.span })}>${t('lessons.ui.show')}</button>` : nothing}</li>`;
    })}</ul>`;
  }
}

/** fill puts a template where a text says {lesson}. */
function fill(name, lesson) {
  const [before, after] = t(name).split('{lesson}');
  return html`${before}${lesson}${after}`;
}

function list(titles) {
  return new Intl.ListFormat(document.documentElement.lang, { type: 'conjunction' }).format(titles);
}

customElements.define('push-decide', Decide);
