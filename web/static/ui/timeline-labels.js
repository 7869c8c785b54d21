/** The labels of a lane. */
import { Room, fit, top } from './timeline-layout.js';
import { short } from './words.js';
import { t } from '../text.js';

export const indent = 44; // CSS pixels behind which a request's label begins: before it stand the numbers of events

/** paintLabels writes as many labels as there is room for: what matters more first, then what is newer. */
export function paintLabels({ ctx, colours, labels, text, bold, mono, small }, lane) {
  const free = new Room();
  const wide = lane.server - lane.browser;
  labels.sort((a, b) => a.rank - b.rank || a.y - b.y);
  for (const { entry, zone, pill, ground, colour, x, y, words, tries = 1 } of labels) {
    if (y - small < top - 4) continue;
    ctx.font = pill ? bold : entry?.look.number ? mono : text;
    const most = { left: wide - 16, inner: wide - indent - 60, middle: wide - 8, right: wide * 0.55 }[zone];
    const shown = fit(ctx, words ?? wordsOf(ctx, entry, most), most);
    if (!shown) continue;
    const width = ctx.measureText(shown).width + (pill ? 10 : 4);
    const height = pill ? small + 5 : small + 1.5;
    const left = { left: x - 2, inner: x - 2, middle: x - width / 2, right: x - width + 2 }[zone];
    let up = 0;
    while (up < tries && !free.take(left, y - up * 13 - small, width, height)) up++;
    if (up === tries) continue;
    const base = y - up * 13;
    ctx.fillStyle = ground ?? (pill ? colours.card : colours[`lane-${lane.name}-soft`]);
    if (pill) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.roundRect(left, base - small - 0.5, width, height, 3);
      ctx.fill();
      ctx.stroke();
    } else {
      ctx.globalAlpha = 0.85;
      ctx.fillRect(left, base - small + 1, width, height);
      ctx.globalAlpha = 1;
    }
    ctx.fillStyle = colour;
    ctx.textAlign = 'left';
    ctx.fillText(shown, left + (pill ? 5 : 2), base);
  }
}

/** wordsOf labels an arrow, or several that came at once. That it is a replay is said where there is room for the word. */
function wordsOf(ctx, { item, until }, most) {
  const words = until ? `${short(item)}–${short(until).replace('↻ ', '')}` : short(item);
  if (item.kind !== 'event' || !item.replay) return words;
  const told = t('trace.replayed', { words });
  return ctx.measureText(told).width <= most ? told : words;
}
