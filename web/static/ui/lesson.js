/**
 * <push-lesson>: the lessons, one at a time. A question comes first; only a prediction unlocks the controls; the
 * observations tick themselves off when the trace proves them (lessons/facts.js); then comes the explanation, with the
 * learner's own numbers, and a few questions. What a lesson changed in the lab is undone when it is left.
 */
import { Element, html, nothing } from './element.js';
import { live } from '../vendor/lit-html.js';
import { number, t } from '../text.js';
import { paragraphs, plain, rich } from './rich.js';
import { invitation, numbers, titleOf } from './invitation.js';
import { style } from './late.js';
import { lessons } from '../lessons/index.js';
import { Progress } from '../lessons/progress.js';

const pace = 250; // milliseconds between two looks at the trace

class Lesson extends Element {
  static events = ['view', 'state', 'trace'];
  progress = new Progress();
  number = null; // of the lesson that runs; null in free play
  stage = 'idle'; // 'preparing', 'failed', 'question', 'try', 'explained'
  experiment;
  #lesson; // the module's, once it is loaded
  #choice; // in the question
  #prediction;
  #seen = {}; // observation → what it found
  #summary = {};
  #table;
  #busy = new Map(); // control → how many runs of it are under way, or wait for their turn
  #queue = Promise.resolve();
  #results = {}; // control → what is said below it
  #said = ''; // to those who listen
  #next = 0; // before which the trace is not looked at again
  #deciding = false; // the decision helper is open
  #error = '';
  #changing = Promise.resolve();
  #turn = 0; // counts the changes: what was begun before the last one does not go on

  connect(app) {
    app.addEventListener('view', ({ detail }) => detail?.includes('lesson') && this.#follow());
    app.addEventListener('reset', () => this.number && this.#change(this.number, { discard: true })); // all is mended already
    app.addEventListener('trace', () => this.number && this.#change(this.number)); // from elsewhere: there is nothing to try
    setInterval(() => this.#look(), pace);
    this.#follow();
  }

  get #words() { return `lessons.${lessons[this.number - 1].key}`; }

  /** #observations are those that this lab can show. */
  get #observations() {
    return this.#lesson.observations.filter(({ when }) => !when || !this.experiment || when(this.experiment));
  }

  // Coming and going

  #follow() {
    const { lesson } = this.app.view;
    const number = lessons[lesson - 1] ? lesson : null;
    if (number !== this.number) this.#change(number);
  }

  /** #change leaves the lesson that runs, and begins another one when all is undone. Changes wait for each other. */
  #change(number, how) {
    const focused = this.contains(document.activeElement);
    const { experiment } = this;
    const turn = ++this.#turn;
    this.number = number;
    this.#forget();
    if (number && this.app.live) this.stage = 'preparing';
    this.#changing = this.#changing.then(() => experiment?.end(how)).then(() => turn === this.#turn && number && this.#enter(turn));
    this.drawNow();
    if (focused) this.querySelector('h2')?.focus();
  }

  #forget() {
    this.experiment = this.#lesson = this.#choice = this.#prediction = this.#table = undefined;
    this.stage = 'idle';
    this.#seen = {};
    this.#summary = {};
    this.#results = {};
    this.#busy.clear();
    this.#queue = Promise.resolve();
    this.#said = this.#error = '';
    this.#deciding = false;
  }

  async #enter(turn) {
    const { app, number } = this;
    if (!app.live) return;
    let experiment;
    try {
      const [{ lesson }, { Experiment }] = await Promise.all([
        lessons[number - 1].load(), import('../lessons/experiment.js'), import('./quiz.js'), style(new URL('quiz.css', import.meta.url)), this.#settled(number),
      ]);
      if (lesson.study) await Promise.all([import('./study.js'), style(new URL('study.css', import.meta.url))]);
      if (turn !== this.#turn) return;
      this.#lesson = lesson;
      experiment = this.experiment = new Experiment(app, lesson);
      await experiment.begin();
      if (turn !== this.#turn) return;
      this.stage = 'question';
    } catch (error) {
      if (turn !== this.#turn) return;
      this.stage = 'failed';
      this.#error = why(error);
    }
    this.draw();
  }

  /** #settled waits until the page has opened its lanes. A lesson begins behind that; but not every lane need ever open. */
  async #settled(number) {
    const { lab, lanes, trace } = this.app;
    for (const late = performance.now() + 4000; this.number === number;) {
      const settled = [...lanes.values()].every(({ state }) => state !== 'connecting') || performance.now() > late;
      if (lab.link === 'open' && trace.now && settled) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  // The question

  #predict(event) {
    event.preventDefault();
    if (!this.#choice) return;
    this.#prediction = this.#choice;
    this.progress.tell(this.#lesson.key, { prediction: this.#prediction });
    this.stage = 'try';
    this.#said = t('lessons.ui.unlocked');
    this.drawNow();
    this.querySelector('.try h3')?.focus({ preventScroll: true });
  }

  // The controls

  /** #run runs a control, one after the other: what they do to the lab must not mix. */
  #run(control, value) {
    const { experiment } = this;
    const { key } = control;
    if (!experiment || (value === undefined && this.#busy.has(key))) return;
    this.#busy.set(key, (this.#busy.get(key) ?? 0) + 1);
    this.#results[key] = '';
    const before = experiment.values[key];
    if (value !== undefined) experiment.values[key] = value;
    this.drawNow();
    this.#queue = this.#queue.then(() => experiment === this.experiment && this.#operate(experiment, control, value, before));
  }

  /** #operate does what a control is for. A choice that fails goes back to where it stood, and can be made again. */
  async #operate(experiment, control, value, before) {
    const { key } = control;
    const at = this.app.lab.now();
    try {
      const answer = await control.run(experiment, value);
      experiment.note(key, value, at);
      const done = `${this.#words}.controls.${key}.done`;
      if (t(done, answer) !== done) this.#results[key] = t(done, answer ?? {});
    } catch (error) {
      if (experiment.stopped) return;
      if (value !== undefined && experiment.values[key] === value) experiment.values[key] = before;
      this.#results[key] = t('lessons.ui.could-not', { why: why(error) });
    }
    const left = this.#busy.get(key) - 1;
    if (left) this.#busy.set(key, left);
    else this.#busy.delete(key);
    this.draw();
  }

  // The observations

  #look() {
    if (this.stage !== 'try' && this.stage !== 'explained') return;
    if (this.experiment.stopped || !this.app.live) return;
    const began = performance.now();
    if (began < this.#next) return;
    const observations = this.#observations;
    if (observations.every(({ key }) => this.#seen[key])) {
      if (this.#lesson.live) this.draw();
      return;
    }
    const facts = this.experiment.facts();
    for (const { key, seen } of observations) {
      const found = !this.#seen[key] && seen(facts, this.experiment);
      if (!found) continue;
      this.#seen[key] = found;
      const n = Object.keys(this.#seen).length;
      this.#said = t('lessons.ui.announce', { what: plain(t(`${this.#words}.observations.${key}.text`)), n, all: observations.length });
      if (n === observations.length) {
        this.#said = `${this.#said} ${t('lessons.ui.announce-all')}`;
        this.#explain();
      } else if (this.stage === 'explained') this.#explain(); // one that came late fills its place
    }
    this.#next = began + 10 * (performance.now() - began); // a long trace takes time to read; the page has other things to do
    this.draw();
  }

  #explain() {
    const lesson = this.#lesson;
    const facts = this.experiment.facts();
    const figures = {};
    for (const [key, found] of Object.entries(this.#seen)) {
      for (const [name, value] of Object.entries(found)) if (name !== 'item' && name !== 'other') figures[`${key}.${name}`] = value;
    }
    const { outcome, ...rest } = lesson.summary(facts, this.#seen, this.experiment);
    for (const [name, value] of Object.entries(rest)) if (value !== undefined) figures[name] = value;
    this.#summary = { outcome, figures };
    this.#table = lesson.table?.(facts);
    const all = this.#observations.every(({ key }) => this.#seen[key]);
    if (outcome) {
      const item = Object.values(this.#seen).find((found) => found.item)?.item;
      this.progress.tell(lesson.key, { outcome, figures, item, lab: this.app.lab.id, done: all || this.progress.of(lesson.key).done });
    }
    this.stage = 'explained';
    this.draw();
  }

  /** #show has the page look at an item of the trace. */
  #show(ref) {
    const { app } = this;
    const item = app.trace.find(ref);
    if (!item) {
      this.#said = t('lessons.ui.gone');
      return this.draw();
    }
    const { end, span } = app.view;
    const right = end ?? app.lab.now();
    const inSight = item.at <= right && item.at >= right - 0.8 * span;
    app.set(inSight && end !== null ? { selected: ref } : { selected: ref, paused: true, end: item.at + 0.4 * span });
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    document.querySelector('#stage')?.scrollIntoView({ block: 'nearest', behavior: calm ? 'auto' : 'smooth' });
  }

  // The picture

  template() {
    return html`<section class="panel lesson" data-lesson=${this.number ?? nothing} data-stage=${this.stage} aria-labelledby="lesson-title">
      ${this.number ? this.#running() : this.#idle()}
      <p class="hidden-text" role="status">${this.#said}</p>
    </section>`;
  }

  #go = (n) => this.app.set({ lesson: n });

  /** #idle is one line: what to do first, the lessons, and the question that most come with. */
  #idle() {
    return html`${invitation({ app: this.app, progress: this.progress, deciding: this.#deciding, decide: () => this.decide(!this.#deciding), go: this.#go })}
      ${this.#deciding ? html`<push-decide .progress=${this.progress} .app=${this.app} @forget=${() => this.draw()}></push-decide>` : nothing}`;
  }

  #running() {
    return html`<header>
        <h2 id="lesson-title" tabindex="-1">${t('lessons.ui.heading', { n: this.number, title: titleOf(lessons[this.number - 1].key) })}</h2>
        ${numbers({ progress: this.progress, current: this.number, go: this.#go })}
      </header>
      ${this.#body()}`;
  }

  #body() {
    if (!this.app.live) return html`<p class="note warn">${t('lessons.ui.frozen')}</p>`;
    if (this.stage === 'failed') {
      return html`<p class="note bad" role="alert">${t('lessons.ui.failed', { why: this.#error })}</p>
        <p><button @click=${() => this.#change(this.number)}>${t('lessons.ui.again')}</button></p>`;
    }
    if (!this.#lesson) return html`<p class="intro">${rich(t(`${this.#words}.intro`))}</p><p class="small quiet">${t('lessons.ui.preparing')}</p>`;
    const note = this.experiment && this.#lesson.note?.(this.experiment);
    return html`<div class="columns">
      <div class="predict">
        <p class="intro">${rich(t(`${this.#words}.intro`))}</p>
        ${note ? html`<p class="note">${t(`${this.#words}.notes.${note.key}`, note)}</p>` : nothing}
        ${this.#question()}
      </div>
      <div class="try">${this.#controls()}</div>
      <div class="watch">${this.#watch()}</div>
      ${this.#frame()}
    </div>
    ${this.stage === 'explained' ? this.#explanation() : nothing}`;
  }

  #option(key) {
    return key === 'unsure' ? t('lessons.ui.unsure') : t(`${this.#words}.options.${key}`);
  }

  #question() {
    if (this.#prediction) {
      return html`<h3>${t('lessons.ui.predict')}</h3>
        <p>${rich(t(`${this.#words}.question`))}</p>
        <p class="predicted">${rich(t('lessons.ui.predicted', { said: this.#option(this.#prediction) }))}</p>`;
    }
    const ready = this.stage === 'question';
    return html`<form @submit=${(event) => this.#predict(event)}>
      <fieldset ?disabled=${!ready}>
        <legend><h3>${t('lessons.ui.predict')}</h3> ${rich(t(`${this.#words}.question`))}</legend>
        ${[...this.#lesson.options, 'unsure'].map((key) => html`<label>
          <input type="radio" name="prediction" value=${key} .checked=${live(this.#choice === key)}
            @change=${() => { this.#choice = key; this.drawNow(); }}>
          <span>${rich(this.#option(key))}</span></label>`)}
      </fieldset>
      <button class="primary" ?disabled=${!ready || !this.#choice}>${t('lessons.ui.sure')}</button>
      <span class="small quiet">${ready ? (this.#choice ? nothing : t('lessons.ui.choose-first')) : t('lessons.ui.preparing')}</span>
    </form>`;
  }

  #controls() {
    const locked = this.stage !== 'try' && this.stage !== 'explained';
    const { experiment } = this;
    const controls = this.#lesson.controls.filter(({ when }) => !when || (experiment && when(experiment)));
    return html`<h3 tabindex="-1">${t('lessons.ui.try')}</h3>
      ${locked ? html`<p class="small quiet">${t('lessons.ui.locked')}</p>` : nothing}
      <div class="controls">${controls.map((control) => this.#control(control, locked))}</div>
      ${experiment && this.#lesson.live ? html`<div class="live">${this.#lesson.live(experiment).map(({ key, ...values }) =>
        html`<p>${t(`${this.#words}.live.${key}`, values)}</p>`)}</div>` : nothing}`;
  }

  #control(control, locked) {
    const { key, values, href } = control;
    const area = `${this.#words}.controls.${key}`;
    const hint = t(`${area}.hint`);
    const hinted = hint !== `${area}.hint`;
    const busy = this.#busy.has(key);
    const describedby = hinted ? `control-${key}` : nothing;
    const { experiment } = this;
    let body;
    if (values) {
      const value = experiment?.values[key] ?? values[0];
      const offered = values.filter((one) => !control.offered || (experiment && control.offered(experiment, one)));
      body = html`<fieldset ?disabled=${locked} aria-describedby=${describedby}>
        <legend>${t(`${area}.label`)}</legend>
        <span class="switch">${offered.map((one) => html`<label><input type="radio" name=${`control-${key}`} value=${one}
          .checked=${live(one === value)} @change=${() => this.#run(control, one)}><span>${rich(t(`${area}.options.${optionKey(one)}`))}</span></label>`)}</span>
      </fieldset>`;
    } else if (href) {
      body = locked ? html`<span class="quiet">${t(`${area}.label`)}</span>`
        : html`<a class="button" href=${href(experiment)} target="_blank" rel="noopener" aria-describedby=${describedby}>${t(`${area}.label`)}</a>`;
    } else {
      body = html`<button ?disabled=${locked} aria-disabled=${busy} aria-describedby=${describedby} @click=${() => this.#run(control)}>${t(`${area}.label`)}</button>`;
    }
    return html`<div class="control" data-control=${key}>${body}
      ${hinted ? html`<p class="small quiet" id=${`control-${key}`}>${hint}</p>` : nothing}
      <p class="small result" role="status">${busy ? t('lessons.ui.busy') : rich(this.#results[key] ?? '')}</p></div>`;
  }

  #frame() {
    const address = this.experiment && this.#lesson.frame?.(this.experiment);
    return address ? html`<iframe title=${t('lessons.ui.frame')} src=${address}></iframe>` : nothing;
  }

  #watch() {
    const observations = this.#observations;
    const working = this.stage === 'try' || this.stage === 'explained';
    return html`<h3>${t('lessons.ui.watch')}</h3>
      <p class="small quiet">${t('lessons.ui.watch-hint')}</p>
      <ol class="observations">${observations.map(({ key }) => {
        const found = this.#seen[key];
        const text = t(`${this.#words}.observations.${key}.text`);
        return html`<li data-observation=${key} class=${found ? 'is-seen' : ''}>
          <span class="tick" aria-hidden="true">${found ? '✓' : ''}</span>
          <div><p>${rich(text)} <span class="state">${found ? t('lessons.ui.seen') : t('lessons.ui.open')}</span></p>
          ${found ? html`<p class="found">${rich(t(`${this.#words}.observations.${key}.seen`, found))}
            ${this.#pointer(found.item, 'show', text)} ${this.#pointer(found.other, 'show-other', text)}</p>` : nothing}</div></li>`;
      })}</ol>
      ${working && this.stage !== 'explained' ? html`<p class="skip"><button class="bare" @click=${() => this.#explain()}>${t('lessons.ui.skip')}</button></p>` : nothing}`;
  }

  #pointer(ref, name, what) {
    if (!ref) return nothing;
    const show = t(`lessons.ui.${name}`);
    return html`<button class="bare" aria-label=${t('lessons.ui.show-what', { show, what: plain(what) })} @click=${() => this.#show(ref)}>${show}</button>`;
  }

  #explanation() {
    const lesson = this.#lesson;
    const words = this.#words;
    const { figures } = this.#summary;
    return html`<div class="explanation">
      <div class="why">
        <h3>${t('lessons.ui.explain')}</h3>
        ${this.#verdict()}
        ${paragraphs(t(`${words}.why`, figures))}
        ${this.#tableTemplate()}
        <h4>${t('lessons.ui.devtools')}</h4>
        <p>${rich(t(`${words}.devtools`))}</p>
      </div>
      <div class="after">
        <h3>${t('lessons.ui.quiz')}</h3>
        <push-quiz .name=${lesson.key} .questions=${lesson.quiz} .answers=${this.progress.of(lesson.key).answers ?? {}}
          @answer=${({ detail: { key, option } }) => this.progress.tell(lesson.key, { answers: { ...this.progress.of(lesson.key).answers, [key]: option } })}></push-quiz>
        <h3>${t('lessons.ui.read')}</h3>
        <ul class="links">
          ${lesson.specs.map(({ key, url }) => html`<li><a href=${url} target="_blank" rel="noopener">${t(`${words}.specs.${key}`)}</a></li>`)}
          ${lesson.code.map((place) => html`<li>${this.#code(place)}</li>`)}
        </ul>
      </div>
      ${lesson.study ? html`<push-study .name=${lesson.key} .study=${lesson.study} .lanes=${this.app.lanes} .figures=${figures}></push-study>` : nothing}
      <p class="next">${this.number < lessons.length ? html`<button class="primary" @click=${() => this.app.set({ lesson: this.number + 1 })}>
          ${t('lessons.ui.next', { title: titleOf(lessons[this.number].key) })}</button>`
        : html`<button class="primary" @click=${() => this.#finish()}>${t('lessons.ui.finish')}</button>`}
        <button @click=${() => this.app.set({ lesson: null })}>${t('lessons.ui.leave')}</button></p>
    </div>`;
  }

  #verdict() {
    const { outcome, figures } = this.#summary;
    const said = this.#option(this.#prediction);
    const fact = t(`${this.#words}.fact`, figures);
    const told = !/\{[a-z]/i.test(fact);
    const kind = !outcome ? 'open' : this.#prediction === 'unsure' ? 'unsure' : this.#prediction === outcome ? 'right' : 'wrong';
    return html`<p class=${`note verdict ${kind === 'right' ? 'good' : ''}`}>
      ${rich(t(`lessons.ui.verdict.${kind}`, { said, was: outcome && this.#option(outcome) }))} ${outcome && told ? rich(fact) : nothing}</p>`;
  }

  #tableTemplate() {
    if (!this.#table) return nothing;
    const { lanes } = this.app;
    return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${titleOf(lessons[this.number - 1].key)}><table>
      <caption>${t(`${this.#words}.caption`)}</caption>
      <thead><tr><th scope="col">${t('lessons.ui.lane')}</th>${this.#table[0].cells.map((cell, i) => html`<th scope="col" class="num">${t(`${this.#words}.columns.${i}`)}</th>`)}</tr></thead>
      <tbody>${this.#table.map(({ lane, cells }) => html`<tr data-lane=${lane}><th scope="row"><span class="badge" aria-hidden="true">${lanes.get(lane).letter}</span> ${lanes.get(lane).title}</th>
        ${cells.map((cell) => html`<td class="num">${number(cell)}</td>`)}</tr>`)}</tbody></table></div>`;
  }

  #code({ file, at, page }) {
    if (page) return html`<a href=${new URL(`../${page}`, import.meta.url)} target="_blank" rel="noopener"><code>${page}</code></a>`;
    return html`<button class="bare code" @click=${() => this.#open(file, at)}><code>${file.replace('web/static/', '')}: ${at.replace('open.', '')}</code></button>`;
  }

  /** #open opens a function in the part that shows code, and goes there. */
  async #open(file, at) {
    const code = document.querySelector('push-code');
    await code.show(file, at);
    code.tabIndex = -1;
    code.focus({ preventScroll: true });
    code.scrollIntoView({ block: 'start' });
  }

  /** decide opens the decision helper, or closes it. */
  async decide(open) {
    await Promise.all([import('./decide.js'), style(new URL('decide.css', import.meta.url))]);
    this.#deciding = open;
    this.drawNow();
  }

  async #finish() {
    this.app.set({ lesson: null });
    await this.decide(true);
    this.querySelector('push-decide h3')?.focus();
  }
}

/** why says what went wrong; the lessons' own errors are keys of texts. */
function why({ message }) {
  const known = t(`lessons.ui.errors.${message}`);
  return known.startsWith('lessons.') ? message : known;
}

/** optionKey is the name of an option in the texts, where a dot would lead deeper. */
function optionKey(value) {
  return value.replace('.', '-');
}

customElements.define('push-lesson', Lesson);
