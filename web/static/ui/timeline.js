/**
 * <push-timeline>: what the lanes said and heard, on one axis of time, the newest at the top.
 *
 * The element has the canvas, its keys and its pointer; what is painted is in timeline-paint.js. While the picture is
 * live it is painted anew whenever it would look different: when something came, or when time has moved it by a pixel.
 * The canvas is for the eye. The log has all of it as a table, and what is selected here is said in words.
 *
 * picture   what was painted last: { hits, mode, layout, scale, counts }, for tests
 */
import { html, nothing, render } from '../vendor/lit-html.js';
import { badge } from './element.js';
import { legend } from './timeline-legend.js';
import { inRow } from './timeline-density.js';
import { columns, distance } from './timeline-layout.js';
import { paint } from './timeline-paint.js';
import { endOf, lag, live, now, pause, show, step, toggle, zoom } from './moment.js';
import { onTheme, palette } from './palette.js';
import { clockTime, describe, kindName, lateness, words } from './words.js';
import { t } from '../text.js';

const still = matchMedia('(prefers-reduced-motion: reduce)');
const nearEnough = 7; // CSS pixels from an arrow

class Timeline extends HTMLElement {
  picture;
  painted = { frames: 0, ms: 0, worst: 0, due: true }; // what painting took, and whether it is to be done, for the tests
  #app;
  #canvas;
  #size; // { width, height, ratio }
  #colours;
  #frame;
  #began; // the frame before, if it had a picture
  #rested = -Infinity; // the last one that had
  #cost = 16; // ms
  #dirty = true;
  #urgent = false;
  #last = {}; // what the last picture was of
  #visible = true;
  #dense = false;
  #hover; // { x, y, hit }
  #drag;
  #selected; // the last one that was followed
  #said = '';
  #headsAt = 0;
  #headsTimer;

  set app(app) {
    this.#app = app;
    this.#heads();
    this.#canvas = this.querySelector('canvas');
    this.#colours = palette(this);
    onTheme(() => {
      this.#colours = palette(this);
      this.#soon(true, true);
    });
    still.addEventListener('change', () => this.#soon(true));
    app.addEventListener('frame', () => this.#soon(true));
    app.addEventListener('view', () => {
      this.#follow();
      this.#soon(true, true);
    });
    app.addEventListener('trace', () => {
      this.#selected = undefined;
      this.#follow();
      this.#soon(true, true);
    });
    new ResizeObserver((entries) => this.#measure(entries.at(-1))).observe(this.#canvas.parentElement);
    new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1).isIntersecting;
      if (this.#visible) this.#soon(true);
    }).observe(this.#canvas);
    this.#listen();
  }

  get app() { return this.#app; }

  focus(options) { this.#canvas.focus(options); }

  // Painting

  #measure({ contentRect: { width, height } }) {
    if (!width || !height) return;
    const ratio = devicePixelRatio || 1;
    this.#size = { width, height, ratio };
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#soon(true);
    if (this.#paint() || !this.picture) return; // at once: a canvas that was resized is empty
    // Nobody sees it now, so it is not painted. But its headings stand where its columns are.
    this.picture = { ...this.picture, layout: columns(width, this.#names()) };
    this.#heads();
  }

  /** #names are the lanes that are shown, in their order. */
  #names() {
    const { lanes, view } = this.#app;
    return [...lanes.keys()].filter((name) => view.lanes.has(name));
  }

  /**
   * #soon paints in the next frame. dirty: there is something new, and not only a later time. urgent: somebody waits for
   * it, who has done something here.
   */
  #soon(dirty, urgent = false) {
    this.#dirty ||= dirty;
    this.#urgent ||= urgent;
    this.painted.due = this.#dirty;
    this.#frame ??= requestAnimationFrame((time) => {
      this.#frame = undefined;
      // How long a frame with a picture takes, all that the browser does for it included. Where that is long, a machine
      // has better things to do than to paint, and gets time for them: at 50 ms as long again, at 100 ms twice as long.
      if (this.#began) this.#cost += (Math.min(200, time - this.#began) - this.#cost) * 0.2;
      this.#began = undefined;
      const rest = Math.min(300, 4 * (this.#cost - 25));
      if ((this.#urgent || time - this.#rested >= rest) && this.#paint()) this.#began = this.#rested = time;
      if (this.#dirty || (this.#moving() && !still.matches)) this.#soon(false);
    });
  }

  #moving() {
    return this.#visible && !this.#app.view.paused && this.#app.trace.live && this.#size !== undefined;
  }

  /** #paint paints, if the picture would be another one, and tells whether it was. */
  #paint() {
    if (!this.#size || !this.#visible) {
      this.#dirty = this.#urgent = this.painted.due = false; // whoever makes it visible asks for a new one
      return false;
    }
    const app = this.#app;
    const { trace, view } = app;
    const { width, height, ratio } = this.#size;
    if (ratio !== (devicePixelRatio || 1)) this.#measure({ contentRect: this.#size });
    const isLive = !view.paused && trace.live;
    let end = endOf(app);
    // Without motion the picture goes on by whole seconds: nothing slides.
    if (isLive && still.matches) end = Math.ceil(end / 1000) * 1000;
    const moved = (Math.abs(end - (this.#last.end ?? -Infinity)) * height * ratio) / view.span;
    const shining = !still.matches && now(app) - (this.#last.event ?? -Infinity) < 450;
    if (!this.#dirty && moved < 1 && !shining) return false;
    this.#dirty = this.#urgent = this.painted.due = false;

    const began = performance.now();
    this.picture = paint({
      ctx: this.#canvas.getContext('2d'), ratio, width, height, trace, end, span: view.span, now: now(app), live: isLive,
      moves: !still.matches, colours: this.#colours, lanes: this.#names(),
      behind: isLive ? lag(app) : 0,
      selected: view.selected ? trace.find(view.selected) : undefined, hover: this.#hover?.hit?.item, dense: this.#dense,
    });
    this.#dense = this.picture.mode === 'density';
    const took = performance.now() - began;
    this.painted.frames++;
    this.painted.ms += took;
    this.painted.worst = Math.max(this.painted.worst, took);
    this.#last = { end, event: newest(this.picture) };
    this.#headsSoon();
    return true;
  }

  // What stands around the canvas

  #headsSoon() {
    this.#headsTimer ??= setTimeout(() => {
      this.#headsTimer = undefined;
      this.#headsAt = performance.now();
      this.#heads();
    }, Math.max(0, this.#headsAt + 200 - performance.now()));
  }

  #heads() {
    const layout = this.picture?.layout;
    const zoomed = (factor) => () => zoom(this.#app, factor);
    render(html`<section class="timeline" aria-label=${t('trace.timeline.title')}>
      <div class="heads">${layout ? layout.lanes.map((lane) => this.#head(lane, layout)) : nothing}
        ${layout ? this.#hubHead(layout.hub) : nothing}</div>
      <div class="stage-canvas">
        <canvas tabindex="0" role="application" aria-label=${t('trace.timeline.label')} aria-describedby="timeline-help" aria-details="log"></canvas>
        <div class="tip" hidden aria-hidden="true"></div>
      </div>
      <p id="timeline-help" class="hidden-text">${t('trace.timeline.help')}</p>
      <p class="hidden-text" role="status">${this.#said}</p>
      <div class="below">
        ${legend()}
        <div class="zoom" role="group" aria-label=${t('trace.timeline.zoom')}>
          <button @click=${zoomed(2)} aria-label=${t('trace.timeline.zoom-out')} title=${t('trace.timeline.zoom-out')}>−</button>
          <button @click=${zoomed(0.5)} aria-label=${t('trace.timeline.zoom-in')} title=${t('trace.timeline.zoom-in')}>+</button>
        </div>
      </div>
    </section>`, this);
    for (const head of this.querySelectorAll('.heads > *')) {
      head.style.setProperty('--x', `${head.dataset.x}px`);
      head.style.setProperty('--width', `${head.dataset.width}px`);
    }
  }

  #head({ name, x, width }, layout) {
    const { trace, lanes } = this.#app;
    const lane = lanes.get(name);
    const { end } = this.picture.scale;
    const states = trace.states(name);
    const state = states.findLast(({ at }) => at <= end)?.state ?? (states.length ? 'closed' : lane.state);
    const setting = trace.spans.filter((span) => span.lane === name && span.from <= end && (span.to ?? Infinity) > end)
      .map(({ kind, text }) => (kind === 'nginx' ? t(`trace.nginx.${text}`) : text)).join(' · ');
    const narrow = width < 235;
    const tight = width < 150;
    return html`<div class="head thread" data-lane=${name} data-x=${x} data-width=${width} data-state=${state}>
      <p class="name">${badge(lane)}<strong title=${lane.title}>${narrow ? t(`trace.short.${name}`) : lane.title}</strong>
        ${tight && state === 'open' ? nothing : html`<span class="state">${t(`trace.states.${state}`)}</span>`}</p>
      <p class="ends"><span>${t('trace.browser')}</span>${setting && !tight ? html`<span class="setting" title=${setting}>${setting}</span>` : nothing}<span>${t('trace.server')}</span></p>
    </div>`;
  }

  #hubHead({ x, width, wide }) {
    const { log } = this.#app.trace;
    return html`<div class="head hub" data-x=${x} data-width=${width}>
      <p class="name"><strong>${wide ? t('trace.hub') : nothing}</strong></p>
      <p class="ends"><span>${wide ? t('trace.log-holds', { n: log.events }) : t('trace.hub')}</span></p>
    </div>`;
  }

  // Selecting

  /** #follow moves the picture to what was selected elsewhere, if it is not to be seen. */
  #follow() {
    const { view, trace } = this.#app;
    if (view.selected === this.#selected) return;
    this.#selected = view.selected;
    const item = view.selected ? trace.find(view.selected) : undefined;
    this.#said = item ? describe(this.#app, item) : '';
    this.#headsSoon();
    if (!item) return;
    const end = endOf(this.#app);
    if (item.at > end || item.at < end - view.span) pause(this.#app, item.at + view.span / 2);
  }

  #at(x, y) {
    let best;
    let least = nearEnough;
    for (const hit of this.picture?.hits ?? []) {
      const far = distance(x, y, hit) + (hit.weak ? 3 : 0) + (hit.item?.kind === 'event' || !hit.item ? 0 : 0.5);
      if (far < least) [best, least] = [hit, far];
    }
    return best;
  }

  /** #lane returns the lane at a place. */
  #lane(x) {
    return this.picture?.layout.lanes.find((lane) => x >= lane.x && x <= lane.x + lane.width);
  }

  #choose(x, y) {
    const { trace } = this.#app;
    const hit = this.#at(x, y);
    let item = hit?.item;
    if (!item && hit?.event) item = this.picture.layout.lanes.map(({ name }) => trace.byId(name, hit.event.id)).find(Boolean);
    if (!item && this.picture?.mode === 'density') item = this.#nearest(this.#lane(x)?.name, this.picture.scale.time(y));
    this.#app.select(item?.ref ?? null);
  }

  /** #nearest returns the item of a lane that is nearest to a time. */
  #nearest(name, time, most = this.#app.view.span / 50) {
    const { trace } = this.#app;
    const [first] = trace.bounds(time, time);
    let best;
    for (const by of [-1, 1]) {
      for (let i = by < 0 ? first - 1 : first; i >= 0 && i < trace.items.length; i += by) {
        const item = trace.items[i];
        if (Math.abs(item.at - time) > most) break;
        if (item.lane !== name) continue;
        if (!best || Math.abs(item.at - time) < Math.abs(best.at - time)) best = item;
        break;
      }
    }
    return best;
  }

  // Pointer and keys

  #listen() {
    const canvas = this.#canvas;
    const place = ({ clientX, clientY }) => {
      const { left, top } = canvas.getBoundingClientRect();
      return [clientX - left, clientY - top];
    };
    canvas.addEventListener('pointermove', (event) => {
      const [x, y] = place(event);
      if (this.#drag) this.#pull(y);
      else this.#point(x, y);
    });
    canvas.addEventListener('pointerleave', () => this.#point());
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      const [x, y] = place(event);
      this.#drag = { x, y, end: endOf(this.#app), moved: false, touch: event.pointerType === 'touch' };
      if (!this.#drag.touch || this.#app.view.paused) canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointerup', (event) => {
      const { moved } = this.#drag ?? { moved: true };
      this.#drag = undefined;
      canvas.classList.remove('dragging');
      if (!moved) this.#choose(...place(event));
    });
    canvas.addEventListener('pointercancel', () => { this.#drag = undefined; });
    canvas.addEventListener('wheel', (event) => this.#wheel(event, place(event)), { passive: false });
    canvas.addEventListener('keydown', (event) => this.#key(event));
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented || !event.target.closest?.('push-detail')) return;
      event.preventDefault();
      this.focus();
    });
  }

  #pull(y) {
    const drag = this.#drag;
    if (!drag.moved && Math.abs(y - drag.y) < 4) return;
    if (drag.touch && !this.#app.view.paused) return; // the page scrolls
    drag.moved = true;
    this.#canvas.classList.add('dragging');
    this.#tip();
    pause(this.#app, drag.end + (y - drag.y) / this.picture.scale.perMs);
  }

  #wheel(event, [, y]) {
    const { view } = this.#app;
    const { scale } = this.picture ?? {};
    if (!scale) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const share = (y - scale.top) / (scale.bottom - scale.top);
      zoom(this.#app, Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 120), view.paused ? Math.max(0, Math.min(1, share)) : 0);
    } else if (view.paused && event.deltaY) {
      const before = view.end;
      pause(this.#app, endOf(this.#app) - event.deltaY / scale.perMs);
      if (this.#app.view.end !== before) event.preventDefault(); // at the end of the time the page scrolls
    }
  }

  #key(event) {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const app = this.#app;
    const page = () => 0.8 * app.view.span;
    const keys = {
      ArrowUp: () => step(app, app.view.selected ? 1 : -1),
      ArrowDown: () => step(app, -1),
      ArrowLeft: () => this.#sideways(-1),
      ArrowRight: () => this.#sideways(1),
      PageUp: () => pause(app, endOf(app) + page()),
      PageDown: () => pause(app, endOf(app) - page()),
      Home: () => pause(app, app.trace.start + app.view.span),
      End: () => live(app),
      ' ': () => toggle(app),
      '+': () => zoom(app, 0.5),
      '=': () => zoom(app, 0.5),
      '-': () => zoom(app, 2),
      Enter: () => this.#open(),
      Escape: () => app.select(null),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** #sideways selects what happened at about the same time in the next lane: the same event, if it is one. */
  #sideways(by) {
    const app = this.#app;
    const names = this.#names();
    const item = app.trace.find(app.view.selected) ?? app.trace.step(null, -1, app.view.lanes);
    if (!item) return;
    for (let i = names.indexOf(item.lane) + by; i >= 0 && i < names.length; i += by) {
      const next = (item.kind === 'event' && app.trace.byId(names[i], item.id)) || this.#nearest(names[i], item.at, app.view.span);
      if (!next) continue;
      show(app, next);
      return;
    }
  }

  #open() {
    const detail = document.querySelector('push-detail');
    if (!detail || !this.#app.view.selected) return;
    if (detail.tabIndex < 0 && !detail.hasAttribute('tabindex')) detail.tabIndex = -1;
    detail.focus({ preventScroll: true });
    detail.scrollIntoView({ block: 'start' });
  }

  // The label at the pointer

  #point(x, y) {
    const before = this.#hover?.hit?.item;
    this.#hover = x === undefined ? undefined : { x, y, hit: this.#at(x, y) };
    if (this.#hover?.hit?.item !== before) this.#soon(true, true);
    this.#canvas.classList.toggle('pointing', Boolean(this.#hover?.hit));
    this.#tip();
  }

  #tip() {
    const tip = this.querySelector('.tip');
    const lines = this.#hover && !this.#drag?.moved ? this.#tipLines() : undefined;
    tip.hidden = !lines;
    if (!lines) return;
    render(lines, tip);
    const { width, height } = this.#size;
    const { x, y } = this.#hover;
    tip.style.setProperty('left', `${Math.max(4, Math.min(x + 14, width - tip.offsetWidth - 4))}px`);
    tip.style.setProperty('top', `${y + 18 + tip.offsetHeight > height ? Math.max(4, y - tip.offsetHeight - 10) : y + 18}px`);
  }

  #tipLines() {
    const { hit, x, y } = this.#hover;
    if (hit?.item) {
      const { item } = hit;
      const lane = this.#app.lanes.get(item.lane);
      const text = words(item);
      return html`<p>${lane ? badge(lane) : nothing} <strong>${kindName(item)}</strong> <span class="num">${clockTime(item.at)}</span></p>
        ${text !== kindName(item) ? html`<p class="mono">${text}</p>` : nothing}
        <p class="quiet">${[item.length ? t('trace.bytes', { n: item.length }) : '', lateness(item) ?? ''].filter(Boolean).join(' · ')}</p>`;
    }
    if (hit?.event) {
      const { id, at, topic, n } = hit.event;
      return html`<p><strong class="mono">${id}</strong> <span class="num">${clockTime(at)}</span></p>
        <p class="quiet">${hit.lane ? t('trace.not-come') : t('trace.published', { topic, n })}</p>`;
    }
    if (this.picture?.mode !== 'density') return undefined;
    const lane = this.#lane(x);
    const seen = lane && inRow(this.picture.counts, this.picture.scale, lane.name, y);
    if (!seen || !(seen.events + seen.replays + seen.up)) return undefined;
    return html`<p>${badge(this.#app.lanes.get(lane.name))} <strong>${t('trace.row', { n: seen.events + seen.replays, ms: seen.ms })}</strong></p>
      <p class="quiet">${[seen.replays ? t('trace.row-replays', { n: seen.replays }) : '', seen.up ? t('trace.row-up', { n: seen.up }) : '', seen.from].filter(Boolean).join(' · ')}</p>`;
  }
}

/** newest returns when the newest event of a picture came into the page. */
function newest({ hits }) {
  let time = -Infinity;
  for (const { item } of hits) if (item?.kind === 'event' && item.received > time) time = item.received;
  return time;
}

customElements.define('push-timeline', Timeline);
