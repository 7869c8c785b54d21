/**
 * Text with a little markup, as in the lessons' words: `code`, *stress*, [a link](address), and an empty line between
 * paragraphs. It becomes templates, never markup: what a text says cannot do anything.
 */
import { html } from '../vendor/lit-html.js';

const marks = /`([^`]+)`|\*([^*]+)\*|\[([^\]]+)\]\(([^)\s]+)\)/g;

/** rich returns the parts of a line of text. */
export function rich(text) {
  const parts = [];
  let end = 0;
  for (const { 0: all, 1: code, 2: stress, 3: label, 4: href, index } of text.matchAll(marks)) {
    if (index > end) parts.push(text.slice(end, index));
    if (code) parts.push(html`<code>${code}</code>`);
    else if (stress) parts.push(html`<em>${stress}</em>`);
    else parts.push(/^(#|https:\/\/)/.test(href) ? html`<a href=${href}>${label}</a>` : label);
    end = index + all.length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** plain returns the text without its marks, for where there can be none. */
export function plain(text) {
  return text.replace(marks, (all, code, stress, label) => code ?? stress ?? label);
}

/** paragraphs returns them as templates. One that still has a place for a figure is left out: nobody has measured it. */
export function paragraphs(text) {
  return text.split('\n\n').filter((one) => !/\{[a-z][\w.-]*[}|]/i.test(one)).map((one) => html`<p>${rich(one)}</p>`);
}
