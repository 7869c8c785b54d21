/** What all charts have in common that uPlot draws: those of the page, and those of a benchmark's report. */

/** dashes are those of a lane's line, as a canvas takes them. */
export const dashes = { longpoll: [6, 4], httpstream: [], sse: [2, 3], websocket: [10, 3, 2, 3] };

/** decades leaves of the lines of a logarithmic axis those at powers of ten. */
export const decades = (u, splits) => splits.map((split) => (Math.abs(Math.log10(split) - Math.round(Math.log10(split))) < 1e-9 ? split : null));

/** axis returns how an axis looks, in the colours of a palette. values makes words of its numbers. */
export const axis = (colours, values) => ({
  stroke: colours.quiet, font: `${0.6875 * colours.rem}px ${colours.sans}`,
  grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line, width: 1, size: 4 }, values,
});
