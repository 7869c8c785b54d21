/**
 * <push-quiz>: questions with answers to choose from. Each is answered by a button, so that to move through the answers
 * with the arrow keys tells nothing yet; then the answer is explained, right or wrong.
 *
 *   .name       where the words are: lessons.<name>.quiz.<key>
 *   .questions  [{ key, options, right }]
 *   .answers    what was chosen before: { key: option }
 *   onanswer    an event 'answer', detail { key, option }
 */
import { html, live, nothing, render } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { rich } from './rich.js';

class Quiz extends HTMLElement {
  #name;
  #questions = [];
  #answers = {};
  #chosen = {}; // but not checked yet

  set name(name) {
    if (name === this.#name) return;
    this.#name = name;
    this.#chosen = {};
    this.#draw();
  }

  set questions(questions) {
    this.#questions = questions;
    this.#draw();
  }

  set answers(answers) {
    this.#answers = { ...answers };
    this.#draw();
  }

  #draw() {
    if (!this.#name || !this.#questions.length) return;
    render(this.#questions.map((question, i) => this.#question(question, i)), this);
  }

  #question({ key, options, right }, i) {
    const area = `lessons.${this.#name}.quiz.${key}`;
    const given = this.#answers[key];
    const chosen = given ?? this.#chosen[key];
    const choose = (option) => {
      this.#chosen[key] = option;
      this.#draw();
    };
    return html`<form class="question" @submit=${(event) => this.#check(event, key)}>
      <fieldset ?disabled=${given !== undefined}>
        <legend><span class="label">${t('lessons.ui.question', { n: i + 1, all: this.#questions.length })}</span> ${rich(t(`${area}.question`))}</legend>
        ${options.map((option) => html`<label class=${given !== undefined && option === right ? 'is-right' : ''}>
          <input type="radio" name=${`quiz-${this.#name}-${key}`} value=${option} .checked=${live(chosen === option)} @change=${() => choose(option)}>
          <span>${rich(t(`${area}.options.${option}`))}</span></label>`)}
      </fieldset>
      ${given === undefined ? html`<button ?disabled=${chosen === undefined}>${t('lessons.ui.check')}</button>` : nothing}
      <div class="explained" role="status">${given === undefined ? nothing : html`
        <p><strong class=${given === right ? 'good' : 'warn'}>${t(`lessons.ui.${given === right ? 'right' : 'wrong'}`)}</strong>
          ${given === right ? nothing : rich(t('lessons.ui.answer-was', { answer: t(`${area}.options.${right}`) }))}
          ${rich(t(`${area}.why`))}</p>`}</div>
    </form>`;
  }

  #check(event, key) {
    event.preventDefault();
    const option = this.#chosen[key];
    if (option === undefined) return;
    this.#answers[key] = option;
    this.#draw();
    this.dispatchEvent(new CustomEvent('answer', { detail: { key, option } }));
  }
}

customElements.define('push-quiz', Quiz);
