/**
 * <push-cost>: what an event costs on each lane, since the last reset: a bar of its bytes by what they are for, and the
 * numbers as a table; and what a lane costs while nothing happens. The chart of latencies and rates comes with its library when it is opened, and not before.
 */
import { Element, badge, bytes, html, milliseconds, nothing } from './element.js';
import { idle, perHour } from '../lab/idle.js';
import { t } from '../text.js';

const parts = [
  { name: 'request', role: 'head', of: (totals) => totals.headUp },
  { name: 'response', role: 'head', of: (totals) => totals.headDown },
  { name: 'framing', role: 'framing', of: (totals) => totals.framing },
  { name: 'payload', role: 'payload', of: (totals) => totals.payload },
];

const crowd = 10_000; // clients
const wait = 25; // seconds that a poll asks for by itself

class Cost extends Element {
  static pace = 500;
  #chart;

  template(app) {
    const rows = [...app.lanes.values()].map((lane) => ({ lane, ...perEvent(app.trace.totals(lane.name)) }));
    const longest = Math.max(1, ...rows.map(({ all }) => all || 0));
    return html`<section class="panel cost" aria-labelledby="cost-title">
      <header><h2 id="cost-title">${t('trace.cost.title')}</h2><span class="quiet small">${t('trace.cost.since')}</span></header>
      <ul class="key" aria-hidden="true">${parts.map(({ name, role }) => html`<li><i class="part ${name}" data-role=${role}></i>${t(`trace.cost.parts.${name}`)}</li>`)}</ul>
      <div class="bars" aria-hidden="true">${rows.map(({ lane, values, all }) => html`<div class="bar" data-lane=${lane.name}>
        ${badge(lane)}<span class="track">${Number.isFinite(all) ? parts.map(({ name, role }, i) => html`<i class="part ${name}" data-role=${role} data-share=${(100 * values[i]) / longest}></i>`) : nothing}</span>
        <span class="num sum">${bytes(all)}</span></div>`)}</div>
      <div class="scroll-x" tabindex="0" role="region" aria-label=${t('trace.cost.table')}><table>
        <caption class="hidden-text">${t('trace.cost.table')}</caption>
        <thead><tr><th scope="col">${t('trace.cost.lane')}</th>${parts.map(({ name }) => html`<th scope="col" class="num">${t(`trace.cost.short.${name}`)}</th>`)}
          <th scope="col" class="num">${t('trace.cost.all')}</th><th scope="col" class="num">${t('trace.cost.segments')}</th></tr></thead>
        <tbody>${rows.map(({ lane, values, all, segments }) => html`<tr data-lane=${lane.name}><th scope="row">${t(`trace.short.${lane.name}`)}</th>
          ${values.map((value) => html`<td class="num">${round(value)}</td>`)}<td class="num"><strong>${round(all)}</strong></td><td class="num">${round(segments)}</td></tr>`)}</tbody>
      </table></div>
      <div class="idle">
        <h3 id="cost-idle">${t('trace.cost.idle.title')}</h3>
        <ul aria-labelledby="cost-idle">${[...app.lanes.values()].map((lane) => this.#idle(app, lane))}</ul>
        <p class="quiet small">${t('trace.cost.idle.note')}</p>
      </div>
      <details class="chart" @toggle=${(event) => this.#open(event.target)}>
        <summary>${t('trace.cost.chart')}</summary>
        <div class="plots"></div>
      </details>
    </section>`;
  }

  /** #idle says what a lane costs in an hour of silence, how that is known, or why it is not. */
  #idle(app, lane) {
    const sum = lane.h2 ? undefined : idle(app.trace, lane.name);
    const hour = sum && perHour(sum);
    return html`<li data-lane=${lane.name}>${badge(lane)}<span class="who">${t(`trace.short.${lane.name}`)}</span>
      ${sum ? html`<strong class="num hour">${t('trace.cost.idle.hour', { size: bytes(hour) })}</strong>
        <span class="num crowd">${t('trace.cost.idle.crowd', { n: crowd, size: bytes(crowd * hour) })}</span>` : html`<strong class="none">–</strong>`}
      <span class="quiet small why">${sum ? measured(lane, sum) : missing(app, lane)}</span></li>`;
  }

  drawn() {
    for (const part of this.querySelectorAll('[data-share]')) part.style.setProperty('--share', `${part.dataset.share}%`);
    this.#chart?.update();
  }

  async #open(details) {
    if (!details.open) {
      this.#chart?.close();
      this.#chart = undefined;
      return;
    }
    const { Chart } = await import('./chart.js');
    if (details.open && !this.#chart) this.#chart = new Chart(this.app, details.querySelector('.plots'));
  }
}

/** perEvent divides what a lane has cost by the events that it brought. */
function perEvent(totals) {
  const each = (sum) => (totals.events ? sum / totals.events : NaN);
  return { values: parts.map(({ of }) => each(of(totals))), all: each(totals.head + totals.framing + totals.payload), segments: each(totals.segments) };
}

/** measured says what a figure comes from. */
function measured(lane, { n, down, up, ms }) {
  const what = lane.name === 'longpoll' ? 'polls' : up ? 'pings' : 'beats';
  return t(`trace.cost.idle.${what}`, { n, bytes: Math.round((down + up) / n), down: Math.round(down / n), up: Math.round(up / n), time: milliseconds(ms / n).replace(' ', '\u00a0') });
}

/** missing says why there is no figure. */
function missing(app, lane) {
  if (lane.h2) return t('trace.cost.idle.h2');
  if (lane.state === 'closed') return t('trace.cost.idle.closed');
  if (lane.name === 'longpoll') return t('trace.cost.idle.no-poll', { time: `${lane.options?.wait ?? wait}\u00a0s` });
  const every = app.lab.state.settings?.heartbeats[lane.name];
  return every === 'off' ? t('trace.cost.idle.off') : t('trace.cost.idle.no-beat', { time: seconds(every) });
}

/** seconds writes a heartbeat as all other times are. */
function seconds(every = '–') {
  return every.replace('1m0s', '60s').replace(/([\d.]+)(m?s)$/, '$1\u00a0$2');
}

/** round writes a number as precise as it can be of use. */
function round(value) {
  if (!Number.isFinite(value)) return '–';
  return value < 10 && value > 0 ? value.toFixed(1) : String(Math.round(value));
}

customElements.define('push-cost', Cost);
