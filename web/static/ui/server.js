/**
 * <push-server>: the other end. The log with the lanes' places in it, who is connected, and what the server is set to.
 *
 * Here it can be seen why a lane that comes back loses nothing: its place is a number in a log, and the log is longer than
 * its absence; or what happens when it is not.
 */
import { Element, badge, bytes, epochOf, html, live, nothing, seqOf, shortId } from './element.js';
import { t, number } from '../text.js';
import { behind } from './status.js';

const lengths = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]; // of the log, in events
const heartbeats = ['1s', '5s', '15s', '30s', '1m0s', 'off'];
const waits = [1, 5, 15, 25, 60]; // seconds that a poll may be held
const wait = 25; // which it asks for by itself
const retries = ['500ms', '1s', '3s', '10s'];
const cell = 17; // CSS pixels of an event in the strip

class Server extends Element {
  static pace = 150;
  #columns = 40;
  #length; // while the slider is dragged

  connect() {
    new ResizeObserver(([{ contentRect }]) => {
      const columns = Math.max(12, Math.min(72, Math.floor((contentRect.width - 88) / cell)));
      if (columns === this.#columns) return;
      this.#columns = columns;
      this.draw();
    }).observe(this);
  }

  template(app) {
    const { log } = app.trace;
    return html`<section class="panel server" aria-labelledby="server-title">
      <header>
        <h2 id="server-title">${t('shell.server.title')}</h2>
        <span class="small quiet num">${t('shell.server.log', { n: log.events ?? 0, size: bytes(log.bytes), max: log.history ?? 0 })}</span>
      </header>
      ${this.#strip(app, log)}
      ${this.#streams(app, log)}
      ${this.#settings(app)}
    </section>`;
  }

  /** #strip draws the newest events as cells, and a thread for each lane that reaches as far as the lane has come. */
  #strip(app, log) {
    const head = seqOf(log.head);
    if (!Number.isFinite(head)) return html`<p class="strip-empty quiet small">${t('shell.server.empty')}</p>`;
    const oldest = seqOf(log.oldest); // the cursor before the oldest that is kept
    const first = Math.max(1, head - this.#columns + 1);
    const cells = Array.from({ length: this.#columns }, (_, i) => first + i).filter((seq) => seq <= head);
    const before = Math.max(0, first - 1 - (oldest || 0));
    const gone = (oldest || 0) - first + 1; // how many of the cells are no longer kept
    return html`<figure class="strip" aria-label=${t('shell.server.strip', { n: log.events ?? 0, head: `#${head}` })} role="img">
      <div class="cells">
        <span class="label">${before ? t('shell.server.older', { n: before }) : gone > 0 || oldest ? t('shell.server.gone') : t('shell.server.begins')}</span>
        ${cells.map((seq, i) => html`<i data-state=${i < gone ? 'gone' : seq === head ? 'head' : 'kept'} title=${`#${seq}`}></i>`)}
      </div>
      ${[...app.lanes.values()].map((lane) => {
        const seq = seqOf(lane.cursor);
        const other = lane.cursor && epochOf(lane.cursor) !== epochOf(log.head);
        const place = !lane.cursor || other ? 0 : Math.max(0, Math.min(seq, head) - first + 1);
        const left = behind(lane, log);
        return html`<div class="way" data-lane=${lane.name} .style=${`--place: ${place}; --columns: ${this.#columns}`}>
          <span class="label num">${!lane.cursor ? '–' : other ? t('shell.server.other-log') : left ? `−${number(left)}` : t('shell.server.all')}</span>
          <span class="line"></span>${badge(lane)}</div>`;
      })}
    </figure>`;
  }

  /** #streams has a row for each stream, and one for each lane without: a table that grows and shrinks cannot be read. */
  #streams(app, log) {
    const streams = app.trace.streams ?? [];
    const rows = [...app.lanes.values()].flatMap((lane) => {
      const own = streams.filter((stream) => stream.lane === lane.name);
      return own.length ? own.map((stream) => this.#stream(app, log, lane, stream)) : [this.#absent(lane)];
    });
    return html`<div class="scroll-x" tabindex="0" role="group" aria-label=${t('shell.server.connected')}><table>
      <caption class="hidden-text">${t('shell.server.connected')}</caption>
      <thead><tr><th>${t('shell.server.lane')}</th><th class="num">${t('shell.server.conn')}</th><th>${t('shell.server.cursor')}</th>
        <th class="num">${t('shell.server.behind')}</th><th class="num">${t('shell.server.delivered')}</th><th class="num">${t('shell.server.since')}</th>
        <th><span class="hidden-text">${t('shell.server.action')}</span></th></tr></thead>
      <tbody>${rows}</tbody>
    </table></div>`;
  }

  #stream(app, log, lane, stream) {
    const known = log.head && epochOf(stream.cursor) === epochOf(log.head);
    const behind = known ? number(Math.max(0, seqOf(log.head) - seqOf(stream.cursor))) : '–';
    const since = Math.max(0, Math.round((app.trace.now - stream.opened) / 1000));
    return html`<tr><td>${badge(lane)} ${stream.transport === lane.name ? lane.title : stream.transport}</td>
      <td class="num">${stream.conn ?? '–'}</td><td class="mono" title=${stream.cursor}>${shortId(stream.cursor)}</td>
      <td class="num">${behind}</td><td class="num">${number(stream.delivered)}</td>
      <td class="num">${t('shell.server.seconds', { n: since })}</td>
      <td class="num">${this.#kick(app, lane)}</td></tr>`;
  }

  #absent(lane) {
    const why = lane.name === 'longpoll' && lane.state === 'open' ? 'between' : 'nobody';
    return html`<tr class="quiet"><td>${badge(lane)} ${lane.title}</td><td class="num">–</td><td>–</td>
      <td colspan="3">${t(`shell.server.${why}`)}</td><td class="num">${this.#kick(this.app, lane)}</td></tr>`;
  }

  #kick(app, lane) {
    return html`<button class="kick" ?disabled=${!app.live} @click=${() => app.attempt('fault', { lane: lane.name, cut: 'fin' })}>${t('shell.server.kick')}<span
      class="hidden-text"> ${lane.title}</span></button>`;
  }

  #settings(app) {
    const { settings = {} } = app.lab.state;
    const set = (patch) => app.attempt('settings', patch);
    const off = !app.live;
    const length = this.#length ?? settings.history;
    const select = (name, values, value) => html`<label class="field"><span class="label">${t(`shell.server.${name}`)}</span>
      <select ?disabled=${off} @change=${({ target }) => set({ [name]: target.value })}>
        ${options(values, value)}
      </select></label>`;
    const check = (name) => html`<label><input type="checkbox" .checked=${live(Boolean(settings[name]))} ?disabled=${off}
      @change=${({ target }) => set({ [name]: target.checked })}>${t(`shell.server.${name}`)}</label>`;
    return html`<div class="settings">
      <label class="field history"><span class="label">${t('shell.server.history')}
          <output class="num">${t('shell.server.events', { n: length ?? 0 })}</output></span>
        <input type="range" min="0" max=${lengths.length - 1} .value=${live(String(nearest(length)))} ?disabled=${off} aria-valuetext=${t('shell.server.events', { n: length ?? 0 })}
          @input=${({ target }) => { this.#length = lengths[target.value]; this.drawNow(); }}
          @change=${async ({ target }) => { await set({ history: lengths[target.value] }); this.#length = undefined; this.draw(); }}></label>
      <fieldset class="beats"><legend class="label">${t('shell.server.heartbeat')}</legend>
        ${[...app.lanes.values()].map((lane) => this.#beat(app, lane, settings.heartbeats?.[lane.name]))}</fieldset>
      ${select('retry', retries, settings.retry)}
      <button ?disabled=${off} @click=${() => app.attempt('server', { do: 'restart', down: '3s', log: 'kept', polite: true })}>${t('shell.server.restart')}</button>
      <div class="checks">${check('compress')}${check('guard')}</div>
      <p class="small quiet">${t('shell.server.beats')}</p>
      <p class="small quiet">${t('shell.server.hint')}</p>
    </div>`;
  }

  /** #beat chooses how often a quiet lane gets a sign of life. That of a long poll is its empty answer, which our client asks for. */
  #beat(app, lane, heartbeat) {
    const poll = lane.name === 'longpoll';
    const held = lane.options.wait ?? wait;
    const choose = ({ target }) => {
      if (poll) lane.set({ wait: Number(target.value) });
      else app.attempt('settings', { heartbeats: { [lane.name]: target.value } });
    };
    return html`<label title=${lane.title}>${badge(lane)}<span class="hidden-text">${t(`shell.server.${poll ? 'hold' : 'every'}`, { lane: lane.title })}</span>
      ${poll ? html`<span class="small">${t('shell.server.held')}</span>` : nothing}
      <select data-lane=${lane.name} ?disabled=${!app.live} @change=${choose}>
        ${poll ? options(waits, held, (one) => `${one}s`) : options(heartbeats, heartbeat)}
      </select></label>`;
  }
}
customElements.define('push-server', Server);

/** options are those of a select. What it stands at is among them, also where we would not offer it. */
function options(values, value, name = label) {
  return (values.includes(value) ? values : [value, ...values]).map((one) => html`<option .value=${String(one)} .selected=${live(one === value)}>${name(one)}</option>`);
}

function label(value) {
  return value === 'off' ? t('shell.server.off') : value === '1m0s' ? '60s' : value;
}

function nearest(length) {
  const place = lengths.findIndex((one) => one >= length);
  return place < 0 ? lengths.length - 1 : place;
}
