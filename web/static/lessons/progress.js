/**
 * How far the learner has come, kept in this browser: predictions, what was measured, and the quiz. Without storage it
 * lasts for as long as the page.
 */
const key = 'lessons';

export class Progress {
  #lessons = {};
  decisions = {};

  constructor() {
    try {
      const { version, lessons, decisions } = JSON.parse(localStorage.getItem(key)) ?? {};
      if (version !== 1) return;
      this.#lessons = lessons ?? {};
      this.decisions = decisions ?? {};
    } catch {
      // There is none, or it is broken; then all begins anew.
    }
  }

  /** of returns what is known of a lesson: { prediction, outcome, figures, item, lab, answers, done }. */
  of(lesson) {
    return this.#lessons[lesson] ?? {};
  }

  /** tell adds to it. */
  tell(lesson, more) {
    this.#lessons[lesson] = { ...this.of(lesson), ...more };
    this.#save();
  }

  decide(question, answer) {
    this.decisions[question] = answer;
    this.#save();
  }

  forget() {
    this.#lessons = {};
    this.decisions = {};
    try {
      localStorage.removeItem(key);
    } catch {
      // There was nothing.
    }
  }

  #save() {
    try {
      localStorage.setItem(key, JSON.stringify({ version: 1, lessons: this.#lessons, decisions: this.decisions }));
    } catch {
      // Then it is forgotten with the page.
    }
  }
}
