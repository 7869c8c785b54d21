/** Figures of the byte view: what two bytes look like bit by bit, how a mask works, where the time went. */
import { html, nothing } from '../vendor/lit-html.js';
import { t } from '../text.js';
import { hex, symbol } from './symbols.js';
import { clockTime } from './words.js';

const bitNames = { 'frame-fin': 'fin', 'frame-rsv': 'rsv', 'frame-opcode': 'opcode', 'frame-mask': 'mask', 'frame-length7': 'length' };

/** bits shows the first two bytes of a frame as RFC 6455 draws them. tell(type, part) is told what is pointed at. */
export function bits(frame, { active, lit, tell }) {
  const bytes = frame.children.filter(({ span }) => span.kind === 'frame-first' || span.kind === 'frame-second');
  if (!bytes.length) return nothing; // it began in a record before
  return html`<figure class="bits">
    <figcaption class="label">${t('detail.bit.title')}</figcaption>
    <div class="bits-bytes">${bytes.map((byte) => html`<div class="bits-byte">${byte.children.map((part) => {
    const digits = part.bits.replaceAll('.', '');
    const state = [part === active && 'active', part === lit && 'lit'].filter(Boolean).join(' ');
    return html`<button type="button" class="bits-group ${state}" data-bits=${digits.length} .style=${`--bits: ${digits.length}`}
      aria-pressed=${String(part === active)} @click=${() => tell('pin', part)} @pointerenter=${() => tell('lit', part)}
      @pointerleave=${() => tell('lit', undefined)}>
      <span class="bits-digits">${[...digits].map((digit) => html`<span>${digit}</span>`)}</span>
      <span class="bits-name">${t(`detail.bit.${bitNames[part.span.kind]}`)}</span>
      <span class="bits-note">${part.span.label}</span>
    </button>`;
  })}</div>`)}</div>
  </figure>`;
}

/** mask shows for some bytes of a masked payload what is sent, the key, and what comes out. */
export function mask(parts, frame, active) {
  const found = parts.masks.find((one) => one.frame === frame);
  if (!found) return nothing;
  const inside = active && active.start > found.start && active.start < found.end && active.start - found.start > 4;
  const start = Math.max(parts.from, inside ? active.start : found.start);
  const columns = [];
  for (let at = start; at < Math.min(found.end, start + 8, parts.to); at++) {
    const byte = parts.bytes[at - parts.from];
    const key = found.key[(found.turn + at - found.start) % 4];
    columns.push({ byte, key, clear: byte ^ key });
  }
  if (!columns.length) return nothing;
  const row = (name, values) => html`<tr><th scope="row">${t(`detail.mask.${name}`)}</th>${values.map((value) => html`<td>${value}</td>`)}</tr>`;
  const character = (code) => (code < 0x80 ? symbol(code).text : '');
  return html`<figure class="mask-figure">
    <figcaption class="label">${t('detail.mask.title')}</figcaption>
    <div class="scroll-x" tabindex="0" role="group" aria-label=${t('detail.mask.title')}><table class="mask-table"><tbody>
      ${row('wire', columns.map(({ byte }) => hex(byte).toLowerCase()))}
      ${row('key', columns.map(({ key }) => hex(key).toLowerCase()))}
      ${row('clear', columns.map(({ clear }) => hex(clear).toLowerCase()))}
      ${row('text', columns.map(({ clear }) => html`<b>${character(clear)}</b>`))}
    </tbody></table></div>
  </figure>`;
}

/** duration writes milliseconds as people read them. */
export function duration(ms) {
  if (Math.abs(ms) < 0.1) return t('detail.time.us', { n: Math.round(ms * 1000) });
  if (Math.abs(ms) < 1000) return t('detail.time.ms', { n: Number(ms.toPrecision(3)) });
  return t('detail.time.s', { n: Number(ms.toPrecision(4)) / 1000 });
}

/** way shows the stations of an item, and how long it took from each to the next. uncertainty is of the page's clock. */
export function way(item, uncertainty = 0) {
  const stations = [];
  const add = (name, at, unsure) => at !== undefined && stations.push({ name, at, unsure });
  if (item.dir === 'up') {
    add('asked', item.at);
    add('arrived', item.sent);
    add('answered', item.answered);
  } else {
    add('published', item.published);
    add('sent', item.sent);
    add('wire', item.at);
    add('received', item.received, true);
  }
  if (stations.length < 1) return nothing;
  const waits = stations.map(({ at }, i) => (i ? at - stations[i - 1].at : 0));
  const longest = Math.max(...waits);
  return html`<ol class="stations" aria-label=${t('detail.time.title')}>${stations.map(({ name, at, unsure }, i) => {
    const wait = waits[i];
    const later = unsure && uncertainty >= 0.05
      ? t('detail.time.about', { time: duration(Math.max(0, wait)), uncertainty: duration(uncertainty) })
      : t('detail.time.later', { time: duration(Math.max(0, wait)) });
    return html`<li ?data-longest=${i > 0 && wait === longest && wait >= 20}>
      <span class="stations-name">${t(`detail.time.${name}`)}</span>
      <span class="stations-wait num">${i ? later : t('detail.time.at', { time: clockTime(at) })}</span></li>`;
  })}</ol>`;
}
