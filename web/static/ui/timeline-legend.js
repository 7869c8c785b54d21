/** The legend of the timeline: the same shapes as on the canvas, small. */
import { html, svg } from '../vendor/lit-html.js';
import { t } from '../text.js';

const head = (x, way = -1) => `M${x} 8 l${-way * 7} -3 v6 z`;

const signs = {
  event: svg`<circle cx="38" cy="8" r="3" class="fill"></circle><path d="M38 8H8" class="line"></path><path d=${head(4)} class="fill"></path>`,
  replay: svg`<path d="M38 8H10" class="line dashed"></path><path d="M38 3.5l4.5 4.5-4.5 4.5-4.5-4.5z" class="open"></path><path d=${head(4)} class="open"></path>`,
  request: svg`<path d="M4 8h28" class="thin"></path><path d=${head(40, 1)} class="ink"></path>`,
  control: svg`<path d="M38 8H10" class="thin quiet dotted"></path><path d="M5 8l4-2v4z" class="quiet-fill"></path>`,
  hold: svg`<rect x="18" y="1" width="8" height="14" rx="3" class="fill"></rect>`,
  wire: svg`<rect x="4" y="1" width="36" height="14" class="soft"></rect>`,
  hole: svg`<rect x="4" y="1" width="36" height="14" class="sunk"></rect><path d="M4 15L18 1M14 15L28 1M24 15L38 1M34 15l6-6" class="thin edge"></path>`,
  fin: svg`<path d="M4 8h36" class="ink-line"></path>`,
  reset: svg`<path d="M4 10.5l6-5 6 5 6-5 6 5 6-5 6 5" class="bad"></path>`,
  waits: svg`<path d="M22 0v16" class="warn"></path>`,
  proxy: svg`<path d="M22 0v16" class="warn long"></path>`,
  bars: svg`<path d="M38 3H18M38 6H14M38 9H20M38 12H16" class="line"></path>`,
  lost: svg`<path d="M38 8H20" class="bad"></path><path d="M14 4.5l7 7M14 11.5l7-7" class="bad"></path>`,
};

export function legend() {
  return html`<details class="legend">
    <summary>${t('trace.legend.title')}</summary>
    <ul>${Object.entries(signs).map(([name, sign]) => html`<li><svg viewBox="0 0 44 16" width="44" height="16" aria-hidden="true">${sign}</svg> ${t(`trace.legend.${name}`)}</li>`)}</ul>
  </details>`;
}
