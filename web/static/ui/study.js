/**
 * <push-study>: what a published benchmark found to what a lesson is about. Its tables have everything, and are there at
 * once; the pictures of the same come with their library, into boxes that have their size already.
 *
 *   .name     where the words are: lessons.<name>.study
 *   .study    what was found, as lessons/study.js has it
 *   .lanes    those of the page, by name
 *   .figures  what the learner has measured, for the words. It is set last, and draws.
 */
import { html, nothing, render } from '../vendor/lit-html.js';
import { number, t } from '../text.js';
import { dashes } from './plot.js';
import { paragraphs, rich } from './rich.js';

/** precise writes a number with three digits, zeros among them: 10.0 was measured as precisely as 9.98. */
const precise = (value) => (value < 1000 ? value.toPrecision(3) : number(value));

class Study extends HTMLElement {
  name;
  study;
  lanes;
  #figures;
  #charts = [];

  set figures(figures) {
    if (figures === this.#figures) return;
    this.#figures = figures;
    render(this.#template(), this);
  }

  connectedCallback() {
    this.#picture().catch((error) => { // the tables are there
      console.error('push-study:', error);
      for (const box of this.querySelectorAll('.plot')) box.hidden = true;
    });
  }

  disconnectedCallback() {
    for (const chart of this.#charts) chart.close();
    this.#charts = [];
  }

  async #picture() {
    const { StudyChart, style } = await import('./study-chart.js');
    await style();
    if (!this.isConnected || this.#charts.length) return;
    const label = t(`${this.#words}.rate`);
    this.#charts = this.study.charts.map((chart) => new StudyChart(this.querySelector(`[data-chart=${chart.key}] .plot`), chart, label));
  }

  get #words() { return `lessons.${this.name}.study`; }

  #template() {
    const { study } = this;
    return html`<section class="study" aria-labelledby="study-title">
      <h3 id="study-title">${t(`${this.#words}.title`)}</h3>
      <p class="said">${rich(t(`${this.#words}.intro`))}</p>
      <div class="charts">${study.charts.map((chart) => this.#chart(chart))}</div>
      <p class="small quiet">${rich(t(`${this.#words}.conditions`, study))}</p>
    </section>`;
  }

  #chart(chart) {
    const words = `${this.#words}.${chart.key}`;
    const rates = [...new Set(chart.lanes.flatMap(({ points }) => points.map(([rate]) => rate)))].sort((a, b) => a - b);
    const most = chart.lanes.filter((lane) => lane.most).map((lane) => [`most.${lane.name}`, this.#range(lane.most.slice(1))]);
    return html`<figure data-chart=${chart.key} aria-labelledby=${`study-${chart.key}`}>
      <h4 id=${`study-${chart.key}`}>${t(`${words}.title`)}</h4>
      <div class="said">${paragraphs(t(`${words}.found`, { ...this.#figures, ...Object.fromEntries(most), limit: chart.limit }))}</div>
      <div class="plot" role="img" aria-label=${t(`${words}.label`)}></div>
      <div><div class="scroll-x" tabindex="0" role="region" aria-label=${t(`${words}.title`)}><table>
        <caption>${t(`${this.#words}.caption`, chart)}</caption>
        <thead><tr><th scope="col">${t(`${this.#words}.rate`)}</th>${chart.lanes.map(({ name }) => this.#head(name))}</tr></thead>
        <tbody>${rates.map((rate) => html`<tr><th scope="row">${number(rate)}</th>
          ${chart.lanes.map(({ points }) => this.#cell(points.find(([at]) => at === rate)))}</tr>`)}</tbody></table></div>
      <p class="small quiet">${rich(t(`${this.#words}.again`, chart))}</p></div>
    </figure>`;
  }

  /** #head is the head of a lane's column, with its line as it is drawn. */
  #head(name) {
    const { letter } = this.lanes.get(name);
    return html`<th scope="col" class="num" data-lane=${name}><span class="badge" aria-hidden="true">${letter}</span> ${t(`trace.short.${name}`)}
      <svg width="36" height="6" aria-hidden="true"><line x1="0" y1="3" x2="36" y2="3" stroke-dasharray=${dashes[name].join(' ') || nothing}></line></svg></th>`;
  }

  #cell(point) {
    if (!point) return html`<td class="num">–</td>`;
    const [, median, ...range] = point;
    return html`<td class="num">${precise(median)} <span class="range">${this.#range(range)}</span></td>`;
  }

  #range([low, high]) {
    return t(`${this.#words}.range`, { low: precise(low), high: precise(high) });
  }
}

customElements.define('push-study', Study);
