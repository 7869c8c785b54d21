/**
 * <push-story>: what just happened, in sentences. They are made of what the trace has found (lab/incidents.js), and say
 * nothing that it does not know.
 */
import { Element, badge, bytes, html, milliseconds, nothing, seqOf } from './element.js';
import { now, pause, show } from './moment.js';
import { clockTime } from './words.js';
import { t } from '../text.js';

const most = 20;

class Story extends Element {
  static pace = 500;

  template(app) {
    const incidents = app.trace.incidents.list.slice(-most).reverse();
    return html`<section class="panel story" aria-labelledby="story-title">
      <header><h2 id="story-title">${t('trace.story.title')}</h2></header>
      ${incidents.length ? html`<ol>${incidents.map((incident) => this.#entry(incident))}</ol>` : html`<div class="untold"><p class="quiet">${t('trace.story.nothing')}</p>
        <h3>${t('trace.story.reading')}</h3>
        <ul>${['time', 'ends', 'event', 'bytes'].map((name) => html`<li>${t(`trace.story.read.${name}`)}</li>`)}</ul></div>`}
    </section>`;
  }

  drawn() {
    // How long something has lasted goes on, though nothing happens.
    clearTimeout(this.#again);
    if (this.app.trace.live && this.app.trace.incidents.list.some((incident) => goesOn(this.app, incident))) this.#again = setTimeout(() => this.draw(), 500);
  }
  #again;

  #entry(incident) {
    const lane = this.app.lanes.get(incident.lane);
    return html`<li data-lane=${incident.lane ?? nothing}>
      <button class="bare num" @click=${() => this.#show(incident)} title=${t('trace.story.show')}>${clockTime(incident.at, 1)}</button>
      <p>${lane ? html`${badge(lane)} ` : nothing}${tell(this.app, incident)}</p>
    </li>`;
  }

  #show({ ref, at }) {
    const item = ref && this.app.trace.find(ref);
    if (item) show(this.app, item);
    else pause(this.app, at + this.app.view.span / 2);
  }
}

/** goesOn tells whether what is told of an incident changes with time alone. */
function goesOn(app, { kind, how, back, ended, until }) {
  switch (kind) {
    case 'break': return back === undefined && how !== 'stopped';
    case 'silence': return ended === undefined;
    case 'down': return until > now(app) - 1000;
  }
  return false;
}

/** tell says what an incident was, as far as it is known. */
export function tell(app, incident) {
  const lane = incident.lane ? app.lanes.get(incident.lane).title : '';
  const client = app.lanes.get(incident.lane)?.client === 'EventSource' ? 'EventSource' : t('trace.story.client');
  const say = (key, values) => t(`trace.story.${key}`, { lane, client, ...values });
  switch (incident.kind) {
    case 'break': return tellBreak(app, incident, say);
    case 'silence': return tellSilence(app, incident, say);
    case 'burst':
      return [
        say(incident.times > 1 ? 'bursts' : 'burst', { size: bytes(incident.bytes), time: milliseconds(incident.kept), n: incident.times }),
        incident.events > 1 ? say('burst-events', { n: incident.events }) : '',
      ].filter(Boolean).join(' ');
    case 'gap': return incident.missed === undefined ? say('gap-unknown') : say('gap', { n: incident.missed });
    case 'hole': return say('hole', { n: incident.missed });
    case 'down': {
      const left = incident.until - now(app);
      const away = left > 0 ? say('down', { time: milliseconds(left) }) : say('was-down', { time: milliseconds(incident.until - incident.at) });
      return incident.epoch ? `${away} ${say('new-log')}` : away;
    }
    case 'epoch': return say('epoch');
    case 'queued': return say('queued');
    case 'dropped': return incident.missed ? say('dropped', { n: incident.missed }) : say('hole-here');
  }
  return '';
}

function tellBreak(app, b, say) {
  const parts = [b.how === 'unknown' && b.reason ? say('how.reason', { reason: b.reason }) : say(`how.${b.how}`)];
  const [cause, status] = (b.cause ?? '').split(' ', 2);
  const tries = Math.max(b.refused ?? 0, b.failed ?? 0);
  const causes = { cut: 'cut', idle: 'idle', refuse: 'refuse', answered: 'answered' };
  if (causes[cause] && b.how !== 'stopped') parts.push(say(`cause.${cause}`, { status }));
  if (b.back === undefined) {
    if (b.how === 'stopped') return parts.join(' ');
    const time = milliseconds(Math.max(0, now(app) - b.at));
    parts.push(tries ? say('trying-failed', { time, n: tries }) : say('trying', { time }));
    return parts.join(' ');
  }
  const outcome = [];
  const again = b.how === 'stopped' ? 'started' : tries ? 'back-late' : 'back';
  const wait = b.how === 'stopped' || tries ? b.back - b.at : b.wait ?? b.back - b.at;
  outcome.push(say(b.after ? `${again}-after` : again, { time: milliseconds(wait), id: seqOf(b.after) }));
  if (tries) outcome.push(say('failed', { n: tries }));
  if (b.replayed) outcome.push(say('replayed', { n: b.replayed }));
  if (b.gap !== undefined) outcome.push(b.gap === null ? say('missed-unknown') : say('missed', { n: b.gap }));
  else if (b.lost) outcome.push(say('lost', { n: b.lost }));
  else if (b.lost === 0) outcome.push(say('nothing-lost'));
  parts.push(`${outcome.join('; ')}.`);
  return parts.join(' ');
}

function tellSilence(app, silence, say) {
  const { trace } = app;
  const n = trace.incidents.unheard(silence);
  if (silence.ended === undefined) {
    return [say('silent', { time: milliseconds(Math.max(0, now(app) - silence.at)) }), n ? say('unheard', { n }) : '', say('unnoticed')].filter(Boolean).join(' ');
  }
  const time = milliseconds(silence.ended - silence.at);
  return [say('was-silent', { time }), n ? say('unheard-then', { n }) : '', silence.noticed ? say(silence.noticed === 'end' ? 'noticed-end' : 'noticed', { time }) : ''].filter(Boolean).join(' ');
}

customElements.define('push-story', Story);
