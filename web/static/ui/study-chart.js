/**
 * A chart of what a benchmark found, with uPlot: a line for each lane, over the rate of events, with the median of the
 * rounds as points and all of the rounds as an upright line through each.
 */
import uPlot from '../vendor/uplot.js';
import { number } from '../text.js';
import { onTheme, palette } from './palette.js';
import { axis, dashes } from './plot.js';

export { style } from './chart.js';

const apart = 1.06; // how many times as far to the right each lane's points stand as those of the lane before
const narrow = 420; // pixels below which not every rate has its number

/** steps are numbers for a logarithmic axis: 1, 2, 5, 10 … */
function steps(low, high) {
  const all = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) all.push(power, 2 * power, 5 * power);
  return all.filter((step) => step >= low && step <= high);
}

export class StudyChart {
  #box;
  #chart;
  #label;
  #plot;
  #observer;
  #closed = new AbortController();

  /** The box has its size already; what is drawn takes no more. The label is that of the rates. */
  constructor(box, chart, label) {
    this.#box = box;
    this.#chart = chart;
    this.#label = label;
    this.#draw();
    this.#observer = new ResizeObserver(() => this.#plot.width !== box.clientWidth && this.#draw());
    this.#observer.observe(box);
    const draw = () => this.#draw();
    onTheme(draw, this.#closed.signal);
    matchMedia('print').addEventListener('change', draw, { signal: this.#closed.signal }); // paper is light, and of another width
  }

  close() {
    this.#closed.abort();
    this.#observer.disconnect();
    this.#plot.destroy();
  }

  #draw() {
    this.#plot?.destroy();
    const colours = palette(this.#box);
    const { lanes } = this.#chart;
    const lines = lanes.map(({ name, points }, i) => ({
      name, colour: colours[`lane-${name}`], points: points.map(([rate, ...found]) => [rate * apart ** (i - (lanes.length - 1) / 2), ...found]),
    }));
    const rates = [...new Set(lanes.flatMap(({ points }) => points.map(([rate]) => rate)))].sort((a, b) => a - b);
    const [low, high] = [Math.min, Math.max].map((most) => most(...lines.flatMap(({ points }) => points.flatMap(([, ...found]) => found))));
    const wide = high > 10 * low; // too wide to see the lower numbers, were they not drawn by their ratios
    const skip = this.#box.clientWidth < narrow && rates.length > 5 ? 2 : 1;
    const words = (u, splits) => splits.map((split) => (split === null ? null : number(split)));
    this.#plot = new uPlot({
      width: this.#box.clientWidth, height: this.#box.clientHeight, legend: { show: false }, cursor: { show: false },
      scales: {
        x: { time: false, distr: 3, range: [rates[0] / 1.3, rates.at(-1) * 1.3] },
        y: wide ? { distr: 3, range: [low / 1.2, high * 1.2] } : { range: [0, high * 1.1] },
      },
      axes: [
        {
          ...axis(colours, words), splits: () => rates, filter: (u, splits) => splits.map((split, i) => (i % skip ? null : split)),
          size: 28, label: this.#label, labelSize: 20, labelFont: `${0.75 * colours.rem}px ${colours.sans}`,
        },
        { ...axis(colours, words), size: 40, ...(wide && { splits: () => steps(low / 1.2, high * 1.2), filter: (u, splits) => splits }) },
      ],
      series: [{}, ...lines.map(({ name, colour }) => ({
        stroke: colour, dash: dashes[name], width: 2, spanGaps: true, points: { show: true, size: 6, fill: colour },
      }))],
      hooks: { draw: [(u) => ranges(u, lines)] },
    }, uPlot.join(lines.map(({ points }) => [points.map(([rate]) => rate), points.map(([, median]) => median)])), this.#box);
    this.#box.dataset.drawn = lines.length;
  }
}

/** ranges draws an upright line through each point, from the lowest of the rounds to the highest. */
function ranges({ ctx: context, valToPos }, lines) {
  context.save();
  context.setLineDash([]);
  context.lineWidth = 1.25 * devicePixelRatio;
  for (const { colour, points } of lines) {
    context.strokeStyle = colour;
    context.beginPath();
    for (const [rate, , low, high] of points) {
      const x = valToPos(rate, 'x', true);
      context.moveTo(x, valToPos(low, 'y', true));
      context.lineTo(x, valToPos(high, 'y', true));
    }
    context.stroke();
  }
  context.restore();
}
