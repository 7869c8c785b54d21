/**
 * Draws the charts of a report. All words and numbers are in the page without it; this only makes pictures of what is
 * in the block of JSON, in the colours and dashes of the teaching page.
 */
import uPlot from '../../../web/static/vendor/uplot.js';
import { onTheme, palette } from '../../../web/static/ui/palette.js';
import { axis, dashes } from '../../../web/static/ui/plot.js';

/** A scale's numbers in words: 0.1, 20, 5 k. */
const plain = (v) => {
  if (v >= 1e6) return `${+(v / 1e6).toPrecision(3)} M`;
  if (v >= 1e4) return `${+(v / 1e3).toPrecision(3)} k`;
  return `${+v.toPrecision(3)}`;
};

/** percent makes of one in how many what share is not: one in 100 is 99 %. */
const percent = (oneIn) => `${+(100 * (1 - 1 / oneIn)).toFixed(Math.max(0, Math.round(Math.log10(oneIn)) - 2))} %`;
const share = (v) => (v >= 1e-5 ? `${+(100 * v).toPrecision(3)} %` : `${+(1e6 * v).toPrecision(3)} ppm`);
const words = { percentile: percent, share };

const near = (a, b) => Math.abs(a - b) < 1e-9 * Math.abs(b);

/** ticks leaves of a logarithmic axis' lines the powers of ten; with 2 and 5 times those where there are few, and all where
 *  there is hardly one. */
const ticks = (u, splits, index) => {
  const { min, max } = u.scales[index === 0 ? 'x' : 'y'];
  const decades = Math.log10(max / min);
  return splits.map((v) => {
    const lead = v / 10 ** Math.floor(Math.log10(v) + 1e-9);
    return decades < 0.6 || near(lead, 1) || (decades < 2.5 && (near(lead, 2) || near(lead, 5))) ? v : null;
  });
};

/** lines are where a logarithmic axis may have some: uPlot's own begin with the end of the axis, whatever that is. */
const lines = (u, index, min, max) => {
  const leads = Math.log10(max / min) < 0.6 ? [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const all = [];
  for (let power = 10 ** Math.floor(Math.log10(min)); power <= max; power *= 10) all.push(...leads.map((lead) => lead * power));
  return all.filter((v) => v >= min && v <= max);
};

/** logarithmic leaves a little room around a range, and makes it at least a factor of two: less looks like much. */
const logarithmic = (u, low, high) => {
  if (low === null || high === null || !(low > 0)) return [0.1, 1];
  const room = Math.max(Math.sqrt(2 / (high / low)), (high / low) ** 0.04, 1.06);
  return [low / room, high * room];
};

const linear = (top) => (u, low, high) => [Math.min(0, low ?? 0), top ?? (high > 0 ? high * 1.05 : 1)];

/** marker draws what tells apart the lines of one transport: a ring, a disc, a square, a diamond. */
function marker(context, kind, x, y, size, stroke, fill) {
  context.beginPath();
  if (kind <= 2) context.arc(x, y, size, 0, 2 * Math.PI);
  else if (kind === 3) context.rect(x - size, y - size, 2 * size, 2 * size);
  else {
    for (const [dx, dy] of [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]]) context.lineTo(x + dx * size, y + dy * size);
    context.closePath();
  }
  context.fillStyle = kind === 2 ? stroke : fill;
  context.fill();
  context.strokeStyle = stroke;
  context.stroke();
}

class Figure {
  constructor(element, chart) {
    this.element = element;
    this.chart = chart;
    this.other = false;
    const toggle = element.closest('figure').querySelector('button[data-toggle]');
    if (toggle && chart.other) {
      toggle.hidden = false;
      toggle.addEventListener('click', () => {
        this.other = !this.other;
        toggle.setAttribute('aria-pressed', this.other);
        this.draw();
      });
    }
  }

  draw() {
    this.plot?.destroy();
    this.element.replaceChildren();
    if (!this.element.checkVisibility()) return; // it is drawn when it is chosen
    const view = this.other ? this.chart.other : this.chart;
    const colours = palette(this.element);
    const data = uPlot.join(view.lines.map(({ x, y }) => [x, y]));
    const scale = ({ log, top }) => (log ? { distr: 3, log: 10, range: logarithmic } : { range: linear(top) });
    const side = ({ log, label, words: kind }, more) => ({
      ...axis(colours, (u, splits) => splits.map((s) => (s === null ? null : (words[kind] ?? plain)(s)))),
      label, labelSize: 20, labelGap: 2, labelFont: `${0.75 * colours.rem}px ${colours.sans}`,
      ...(log && { splits: lines, filter: ticks, grid: { stroke: colours.line, width: 1, filter: ticks } }), ...more,
    });
    const series = view.lines.map(({ lane, mark, name }) => ({
      label: name, stroke: colours[`lane-${lane}`] ?? colours.ink, dash: dashes[lane] ?? [1, 3], width: mark ? 1.25 : 2.25,
      spanGaps: true, points: { show: Boolean(view.points) && !mark, size: 6, fill: colours[`lane-${lane}`] ?? colours.ink },
    }));
    this.plot = new uPlot({
      width: Math.max(200, this.element.clientWidth), height: this.element.clientWidth < 480 ? 240 : 300,
      legend: { show: false }, cursor: { show: false },
      scales: { x: { time: false, ...scale(view.x) }, y: scale(view.y) },
      axes: [side(view.x, { size: 30, space: 45 }), side(view.y, { size: 52 })],
      series: [{}, ...series],
      hooks: { draw: [(u) => this.over(u, view, colours)] },
    }, data, this.element);
    this.element.dataset.drawn = view.lines.length;
  }

  /** over draws what uPlot does not: markers, and the points where lines cross. */
  over(u, view, colours) {
    const { ctx: context } = u;
    const ratio = devicePixelRatio;
    const at = (x, y) => [u.valToPos(x, 'x', true), u.valToPos(y, 'y', true)];
    context.save();
    context.setLineDash([]);
    context.lineWidth = 1.25 * ratio;
    for (const { x, y, lane, mark } of view.lines) {
      if (!mark) continue;
      let last = -Infinity;
      x.forEach((v, i) => {
        const [px, py] = at(v, y[i]);
        if (Math.abs(px - last) < 22 * ratio) return; // else they would be a line of their own
        last = px;
        marker(context, mark, px, py, 3 * ratio, colours[`lane-${lane}`] ?? colours.ink, colours.card);
      });
    }
    context.lineWidth = 1.5 * ratio;
    context.font = `600 ${0.75 * colours.rem * ratio}px ${colours.sans}`;
    context.textAlign = 'center';
    const placed = [];
    view.crossings?.forEach(({ x, y }, i) => {
      const [px, cy] = at(x, y);
      let py = cy;
      while (placed.some(([ox, oy]) => Math.hypot(ox - px, oy - py) < 17 * ratio)) py -= 3 * ratio; // rings do not cover rings
      placed.push([px, py]);
      context.strokeStyle = colours.ink;
      if (py !== cy) {
        context.beginPath();
        context.moveTo(px, cy);
        context.lineTo(px, py);
        context.stroke();
      }
      context.beginPath();
      context.arc(px, py, 8 * ratio, 0, 2 * Math.PI);
      context.fillStyle = colours.card;
      context.fill();
      context.stroke();
      context.fillStyle = colours.ink;
      context.textBaseline = 'middle';
      context.fillText(i + 1, px, py + ratio / 2);
    });
    context.restore();
  }
}

/** choose lets a reader see one of several at a time, which without a script stand one below the other. */
function choose(element, index) {
  const choices = [...element.querySelectorAll(':scope > .choice')];
  const set = document.createElement('fieldset');
  set.className = 'choosing';
  const legend = document.createElement('legend');
  legend.textContent = `${element.dataset.choosing}:`;
  set.append(legend);
  const show = (chosen) => {
    choices.forEach((choice, i) => { choice.hidden = !printing && i !== chosen; });
    drawIn(element);
  };
  let chosen = 0;
  choices.forEach((choice, i) => {
    const label = document.createElement('label');
    const input = document.createElement('input');
    Object.assign(input, { type: 'radio', name: `choice-${index}`, checked: i === 0 });
    input.addEventListener('change', () => show(chosen = i));
    label.append(input, choice.dataset.choice);
    set.append(label);
  });
  element.prepend(set);
  return () => show(chosen);
}

const charts = JSON.parse(document.getElementById('charts').textContent) ?? {};
const figures = [...document.querySelectorAll('[data-chart]')].map((element) => {
  element.hidden = false;
  return new Figure(element, charts[element.dataset.chart]);
});
let printing = false;
const drawIn = (element) => figures.forEach((figure) => element.contains(figure.element) && figure.draw());
const drawAll = () => drawIn(document);
document.documentElement.dataset.script = 'on';
document.querySelectorAll('details[data-picture]').forEach((details) => { details.open = false; }); // there is a picture now
const choosers = [...document.querySelectorAll('[data-choosing]')].map(choose);
choosers.forEach((show) => show());
drawAll();
onTheme(drawAll);

let width = innerWidth;
let waiting = 0;
addEventListener('resize', () => {
  if (innerWidth === width) return;
  width = innerWidth;
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(drawAll);
});

// Paper is light, and as wide as paper: pictures are drawn for it, and then again for the screen.
matchMedia('print').addEventListener('change', ({ matches }) => {
  printing = matches;
  choosers.forEach((show) => show());
  if (matches) document.documentElement.dataset.theme = 'light';
  else delete document.documentElement.dataset.theme;
  drawAll();
});
