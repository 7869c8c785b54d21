/**
 * <push-status>: a card for each lane: how it is, whether anything was lost, and what an event costs.
 *
 * "Nothing lost" is said only when it is proven: when the lane's ledger has come to the head of the log. Before that, some
 * are on their way, and nobody can know.
 */
import { Element, badge, bytes, epochOf, html, milliseconds, nothing, seqOf } from './element.js';
import { brief, lastBreak } from './breaks.js';
import { t, number } from '../text.js';

const quiet = 5000; // milliseconds between two announcements
const fresh = 8000; // milliseconds for which a lane that came back stands out, and is spoken of

/** behind is how many events of the log a lane has not had yet; undefined if nobody can tell. */
export function behind(lane, log) {
  if (!lane.cursor || !log.head || epochOf(lane.cursor) !== epochOf(log.head)) return undefined;
  return Math.max(0, seqOf(log.head) - seqOf(lane.cursor));
}

/** proof says what is known of a lane's losses, in words. */
export function proof(lane, log) {
  const { lost, repeated, gaps, missed, exact } = lane.ledger;
  const left = behind(lane, log);
  const parts = [];
  if (left) parts.push(t(lane.state === 'open' ? 'shell.status.on-their-way' : 'shell.status.to-come', { n: left }));
  else if (left === 0) parts.push(t(lost || repeated ? 'shell.status.counted' : 'shell.status.proven', { lost, repeated, id: `#${seqOf(log.head)}` }));
  else parts.push(t('shell.status.unknown'));
  if (gaps) parts.push(t('shell.status.gaps', { n: gaps, missed: exact ? number(missed) : missed ? t('shell.status.or-more', { n: missed }) : t('shell.status.some') }));
  return { text: parts.join(' '), proven: left === 0 && !lost && !repeated };
}

class Status extends Element {
  #said = '';
  #saying;

  template(app) {
    const { log } = app.trace;
    return html`<section class="status" aria-label=${t('shell.status.title')}>
      <div class="cards">${[...app.lanes.values()].map((lane) => this.#card(lane, log))}</div>
      <p class="line">
        <span aria-hidden="true">${this.#summary()}</span><span class="hidden-text" role="status">${this.#said}</span>
        <span class="quiet num">${this.#footnote(app, log)}</span>
      </p>
    </section>`;
  }

  drawn() {
    // Who has the page read to him hears a summary of what has changed, and not each change.
    if (this.#saying !== undefined) return;
    this.#saying = setTimeout(() => {
      this.#saying = undefined;
      const summary = this.#summary();
      if (summary !== this.#said) {
        this.#said = summary;
        this.draw();
      }
    }, this.#said ? quiet : 1500);
  }

  #card(lane, log) {
    const { app } = this;
    const { events, lost, repeated } = lane.ledger;
    const totals = app.trace.totals(lane.name);
    const { n, p50, p99 } = app.trace.latency(lane.name);
    const each = (sum) => (totals.events ? sum / totals.events : NaN);
    const { text, proven } = proof(lane, log);
    const reason = lane.reason ? t('shell.status.reason', { why: lane.reason }) : '';
    const state = lane.stalled ? 'stalled' : lane.state;
    const running = lane.state !== 'closed';
    const broke = lastBreak(app, lane.name);
    const last = broke && brief(app, lane, broke);
    const value = (name, label, what, bad = false) =>
      html`<div><dt>${label}</dt><dd class="num ${bad ? 'bad' : ''}" data-value=${name}>${what}</dd></div>`;
    return html`<article class="card thread" data-lane=${lane.name} data-state=${state}
        data-last=${last?.state ?? nothing} data-fresh=${isFresh(app, broke) || nothing} aria-labelledby="card-${lane.name}">
      <div class="top">
        <h2 id="card-${lane.name}">${badge(lane)}<span>${lane.title}</span></h2>
        <button class="toggle" ?disabled=${!app.live} aria-label=${t(running ? 'shell.status.stop-lane' : 'shell.status.start-lane', { lane: lane.title })}
          @click=${() => (lane.state === 'closed' ? lane.open() : lane.close())}>${t(running ? 'shell.status.stop' : 'shell.status.start')}</button>
      </div>
      <p class="how"><span class="state">${t(`shell.status.states.${state}`)}</span>
        ${lane.client ? this.#clients(lane) : html`<span class="client quiet">${t(`shell.status.clients.${lane.name}`)}</span>`}</p>
      <dl>
        ${value('delivered', t('shell.status.delivered'), number(events))}
        ${value('lost', t('shell.status.lost'), number(lost), lost > 0)}
        ${value('repeated', t('shell.status.repeated'), number(repeated), repeated > 0)}
        ${value('bytes', t('shell.status.bytes'), Number.isFinite(each(1)) ? bytes(each(totals.up + totals.down)) : '–')}
        ${value('segments', t('shell.status.segments'), Number.isFinite(each(1)) ? each(totals.segments).toFixed(1) : '–')}
        ${value('latency', t('shell.status.latency'), n ? html`${milliseconds(p50)}<span class="quiet"> · ${milliseconds(p99)}</span>` : '–')}
      </dl>
      <p class="proof" title=${text}><span class=${proven ? 'good' : lost || repeated ? 'bad' : ''}>${text}</span></p>
      <p class="last num" title=${reason || nothing}>${last?.text ?? t('shell.breaks.none')}</p>
    </article>`;
  }

  #clients(lane) {
    return html`<span class="switch tight" role="radiogroup" aria-label=${t('shell.status.client', { lane: lane.title })}>
      ${['EventSource', 'fetch'].map((client) => html`<label><input type="radio" name="client-${lane.name}" .checked=${lane.client === client}
        ?disabled=${!this.app.live} @change=${() => lane.use(client)}>${client}</label>`)}</span>`;
  }

  #footnote(app, log) {
    const parts = [];
    if (log.head) parts.push(t('shell.status.log', { head: `#${seqOf(log.head)}`, n: log.events }));
    if (Number.isFinite(app.lab.uncertainty)) parts.push(t('shell.status.clock', { ms: app.lab.uncertainty.toFixed(1) }));
    if (app.live && app.lab.link !== 'open') parts.unshift(t('shell.status.no-link'));
    return parts.join(' · ');
  }

  #summary() {
    const { app } = this;
    if (!app.live) return t('shell.status.imported');
    const lanes = [...app.lanes.values()];
    const of = (state) => lanes.filter((lane) => lane.state === state).map(({ title }) => title);
    const open = of('open').length;
    const parts = [open === lanes.length ? t('shell.status.all-open') : t('shell.status.some-open', { n: open, of: lanes.length })];
    if (of('connecting').length) parts.push(t('shell.status.connecting', { lanes: of('connecting').join(', ') }));
    if (of('closed').length) parts.push(t('shell.status.stopped', { lanes: of('closed').join(', ') }));
    const hurt = lanes.filter(({ ledger }) => ledger.lost || ledger.repeated).map(({ title }) => title);
    if (hurt.length) parts.push(t('shell.status.hurt', { lanes: hurt.join(', ') }));
    const gaps = lanes.filter(({ ledger }) => ledger.gaps).map(({ title }) => title);
    if (gaps.length) parts.push(t('shell.status.had-gaps', { lanes: gaps.join(', ') }));
    const back = lanes.filter(({ name }) => isFresh(app, lastBreak(app, name)));
    if (back.length === 1) parts.push(t('shell.status.came-back', { lane: back[0].title, what: brief(app, back[0], lastBreak(app, back[0].name)).text }));
    else if (back.length) parts.push(t('shell.status.came-back-all', { lanes: back.map(({ title }) => title).join(', ') }));
    return parts.join(' ');
  }
}

/** isFresh tells whether a break is over, and has not been for long. Who has stopped a lane himself knows it. */
function isFresh({ trace }, broke) {
  return broke?.back !== undefined && broke.how !== 'stopped' && trace.now - broke.back < fresh;
}

customElements.define('push-status', Status);
