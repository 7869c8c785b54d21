/** Where things stand in the timeline. */

export const top = 14; // CSS pixels above the newest time: room for the word "now"

/** columns divides the width among the time, the lanes and the hub. All numbers are CSS pixels. */
export function columns(width, names) {
  const narrow = width < 520;
  const roomy = width >= 1040;
  const gutter = narrow ? 38 : 50;
  const hub = narrow ? 34 : roomy ? Math.min(280, Math.round(width * 0.165)) : Math.round(Math.max(132, Math.min(150, width * 0.15)));
  const gap = narrow ? 6 : roomy ? 12 : 8;
  const each = Math.max(60, Math.floor((width - gutter - hub - gap * names.length) / Math.max(1, names.length)));
  const inset = each < 130 ? 8 : 14;
  const lanes = names.map((name, i) => {
    const x = gutter + i * (each + gap);
    return { name, x, width: each, browser: x + inset, server: x + each - inset };
  });
  const x = width - hub;
  return { width, gutter, gap, narrow, roomy, lanes, hub: { x, width: hub, rail: x + (narrow ? 10 : 14), wide: !narrow } };
}

/** A Scale says where a time stands, and which time a place is: newest at the top. */
export class Scale {
  constructor({ end, span, top, bottom }) {
    Object.assign(this, { end, span, top, bottom, from: end - span, perMs: (bottom - top) / span });
  }

  y(time) { return this.top + (this.end - time) * this.perMs; }
  time(y) { return this.end - (y - this.top) / this.perMs; }
}

const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000];

/** tickStep is the time between two lines of the grid, so that they are not too close. */
export function tickStep(scale, apart = 46) {
  return steps.find((step) => step * scale.perMs >= apart) ?? 60_000;
}

/** distance is that of a point from a line. */
export function distance(x, y, { x0, y0, x1, y1 }) {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const along = dx || dy ? Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy))) : 0;
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

/** Room gives out places for labels, so that none covers another. */
export class Room {
  #taken = [];

  /** take takes a rectangle; false if some of it is taken. */
  take(x, y, width, height) {
    for (const [left, top, right, bottom] of this.#taken) {
      if (x < right && x + width > left && y < bottom && y + height > top) return false;
    }
    this.#taken.push([x, y, x + width, y + height]);
    return true;
  }
}

/** nice rounds a number up to one of few for each power of ten, so that a scale does not jump with each value. */
export function nice(value) {
  if (!(value > 1)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 5, 7, 10].find((n) => n * power >= value) * power;
}

/** between returns the indexes of what lies between two times, in what is sorted by at. */
export function between(order, from, to) {
  const find = (time) => {
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order[middle].at < time) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [find(from), find(to)];
}

/** fit cuts a text to a width; '' if not even three letters have room. */
export function fit(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  let n = Math.floor((text.length * width) / ctx.measureText(text).width);
  while (n > 2 && ctx.measureText(`${text.slice(0, n)}…`).width > width) n--;
  return n > 2 ? `${text.slice(0, n)}…` : '';
}
