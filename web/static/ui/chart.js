/**
 * Latency and rate over time, with uPlot. A lane's line has its colour and its dashes; the thick one is p99, the thin
 * one p50.
 */
import uPlot from '../vendor/uplot.js';
import { endOf } from './moment.js';
import { onTheme, palette } from './palette.js';
import { axis, dashes, decades } from './plot.js';
import { clockTime } from './words.js';
import { t } from '../text.js';

const seconds = 120;
const heights = { latency: 180, rate: 110 };

let styled;

/** style loads the library's style sheet, once. */
export function style() {
  styled ??= new Promise((resolve) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = new URL('../vendor/uplot.css', import.meta.url);
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
  return styled;
}

export class Chart {
  #app;
  #box;
  #plots = [];
  #drawn = 0;
  #observer;
  #closed = new AbortController();

  constructor(app, box) {
    this.#app = app;
    this.#box = box;
    this.#observer = new ResizeObserver(() => {
      for (const { plot, height } of this.#plots) plot.setSize({ width: box.clientWidth, height });
    });
    style().then(() => {
      if (this.#closed.signal.aborted) return;
      this.#make();
      this.#observer.observe(box);
    });
    onTheme(() => this.#plots.length && this.#make(), this.#closed.signal);
  }

  close() {
    this.#closed.abort();
    this.#observer.disconnect();
    for (const { plot } of this.#plots) plot.destroy();
    this.#plots = [];
    this.#box.replaceChildren();
  }

  /** update draws anew, at most once a second. */
  update() {
    const now = performance.now();
    if (!this.#plots.length || now - this.#drawn < 900) return;
    this.#drawn = now;
    const data = this.#data();
    for (const { plot, name } of this.#plots) plot.setData(data[name]);
  }

  #make() {
    for (const { plot } of this.#plots) plot.destroy();
    this.#box.replaceChildren();
    const colours = palette(this.#box);
    const lanes = [...this.#app.lanes.values()];
    const line = ({ name, letter }, label, width) => ({ label: `${letter} ${label}`, stroke: colours[`lane-${name}`], dash: dashes[name], width, points: { show: false }, spanGaps: true });
    const base = (name, series, scale, values, more) => ({
      width: this.#box.clientWidth || 300, height: heights[name], legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false }, y: scale },
      axes: [{ ...axis(colours, (u, splits) => splits.map((s) => clockTime(1000 * s, 0))), space: 60, size: 28 }, { ...axis(colours, values), size: 58, ...more, grid: { stroke: colours.line, width: 1, ...more?.grid } }],
      series: [{}, ...series],
    });
    const data = this.#data();
    const add = (name, options) => {
      const figure = document.createElement('figure');
      const caption = document.createElement('figcaption');
      caption.textContent = t(`trace.cost.${name}`);
      figure.append(caption);
      this.#box.append(figure);
      this.#plots.push({ name, height: heights[name], plot: new uPlot(options, data[name], figure) });
    };
    this.#plots = [];
    add('latency', base('latency', [...lanes.map((lane) => line(lane, 'p99', 2)), ...lanes.map((lane) => line(lane, 'p50', 1))],
      { distr: 3, log: 10, range: (u, low, high) => [Math.min(0.1, 10 ** Math.floor(Math.log10(low || 0.1))), 10 ** Math.ceil(Math.log10(Math.max(high || 1, 1)))] },
      (u, splits) => splits.map((s) => (s === null ? null : s >= 1000 ? `${s / 1000} s` : `${s} ms`)), { filter: decades, grid: { filter: decades } }));
    add('rate', base('rate', lanes.map((lane) => line(lane, '', 2)), { range: (u, low, high) => [0, Math.max(1, high ?? 1)] }, (u, splits) => splits.map((s) => `${s}/s`)));
    const key = document.createElement('p');
    key.className = 'quiet small lines';
    key.textContent = t('trace.cost.lines');
    this.#box.append(key);
  }

  #data() {
    const { trace, lanes } = this.#app;
    const last = Math.floor(endOf(this.#app) / 1000) - 1; // the second that is not over would show as a fall
    const first = Math.max(0, last - seconds + 1);
    const times = Array.from({ length: Math.max(10, last - first + 1) }, (_, i) => first + i);
    const of = (name, field) => times.map((second) => trace.series(name).at(second)[field] ?? null);
    const names = [...lanes.keys()];
    return {
      latency: [times, ...names.map((name) => of(name, 'p99')), ...names.map((name) => of(name, 'p50'))],
      rate: [times, ...names.map((name) => times.map((second) => (second > last ? null : trace.series(name).at(second).n)))],
    };
  }
}
