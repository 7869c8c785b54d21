/** Lesson 7: the middle of the network. What a proxy does to a stream, and what the server can do about it. */
import { ended } from './facts.js';
import { time } from './format.js';

const lanes = ['longpoll', 'sse', 'websocket'];
const limit = 5; // seconds after which the proxy gives up on a silent stream
const overdue = 1000; // ms: an event that comes later than that was kept by somebody
const hopeless = 15_000; // ms without any event, after which nobody waits for one

/** real tells whether there is an nginx; else the fault proxy imitates what nginx does. */
const real = (x) => Boolean(x.app.lab.description.nginx);

const patient = { buffering: true, obeyAccel: true, readTimeout: '60s', gzip: false };

/** Where the choices can stand: who is in between, as nginx and as an imitation; how many events come; heartbeats. */
const arrangements = {
  off: { rate: 2, heartbeat: '15s' },
  buffer: { rate: 2, heartbeat: '15s', nginx: { ...patient, obeyAccel: false }, fault: 'down:buffer=4KiB/30s' },
  accel: { rate: 2, heartbeat: '15s', nginx: patient, fault: 'down:buffer=4KiB/30s/accel' },
  mute: { rate: 0, heartbeat: 'off', nginx: { ...patient, readTimeout: `${limit}s` }, fault: `idle=${limit}s/fin` },
  beats: { rate: 0, heartbeat: '2s', nginx: { ...patient, readTimeout: `${limit}s` }, fault: `idle=${limit}s/fin` },
  on: { rate: 2, heartbeat: '15s', nginx: { ...patient, gzip: true } },
  unix: { rate: 2, heartbeat: '15s', nginx: { ...patient, unix: true } },
};

/** arrange has a choice count; the others go back to where they were, since there is one proxy only. */
async function arrange(x, key, value) {
  for (const other of ['proxy', 'silence', 'gzip', 'socket']) {
    if (other === key || (x.values[other] ?? 'off') === 'off') continue;
    x.values[other] = 'off';
    x.note(other, 'off');
  }
  const { rate, heartbeat, nginx, fault } = arrangements[value];
  await x.source({ rate });
  if (x.app.lab.state.settings.heartbeat !== heartbeat) await x.settings({ heartbeat });
  for (const lane of lanes) {
    if (real(x)) await x.nginx(lane, nginx ? { on: true, ...nginx } : { on: false });
    else await x.fault(lane, fault);
  }
}

/** slow lists the events that came down a lane long after they were published, while something held them. */
function slow(facts, lane, periods) {
  return facts.events(lane).filter((event) => facts.late(event) >= overdue && !event.replay && facts.during(periods, event.at - facts.late(event)));
}

/** missing lists what was published in these periods, and has never come by that lane. */
function missing(facts, lane, periods) {
  const came = new Set(facts.events(lane).map(({ id }) => id));
  return facts.publishedIn(facts.since).filter(({ id, at }) => facts.during(periods, at) && facts.now - at >= hopeless && !came.has(id));
}

/** longest is how late the latest of them was, or still is. */
function longest(facts, late, kept) {
  return Math.max(...late.map((event) => facts.late(event)), ...kept.map(({ at }) => facts.now - at));
}

/** punctual finds an event that came at once by a lane in these periods. */
function punctual(facts, lane, periods) {
  return facts.events(lane).findLast((event) => facts.late(event) < 500 && facts.during(periods, event.at));
}

export const lesson = {
  key: 'middle',
  lanes,
  options: ['same', 'lumps', 'never'],

  /** note says which proxy it is. */
  note: (x) => (real(x) ? { key: 'real', version: x.app.lab.description.nginx } : { key: 'imitation' }),

  async begin(x) {
    x.own.nginx = x.app.lab.description.nginx ?? undefined; // its version
    await x.source({ rate: 2, kind: 'json', size: 512 });
    await x.fresh(...lanes);
  },

  controls: [
    { key: 'proxy', values: ['off', 'buffer', 'accel'], run: (x, value) => arrange(x, 'proxy', value) },
    { key: 'silence', values: ['off', 'mute', 'beats'], run: (x, value) => arrange(x, 'silence', value) },
    { key: 'gzip', values: ['off', 'on'], when: real, run: (x, value) => arrange(x, 'gzip', value) },
    { key: 'socket', values: ['off', 'unix'], when: real, run: (x, value) => arrange(x, 'socket', value) },
  ],

  observations: [
    {
      key: 'late',
      seen(facts) {
        const held = facts.periods('proxy', 'buffer');
        const late = slow(facts, 'sse', held);
        const kept = missing(facts, 'sse', held);
        const spared = punctual(facts, 'websocket', held) ?? punctual(facts, 'longpoll', held);
        if (!spared || (late.length < 3 && !kept.length)) return null;
        return { ms: time(longest(facts, late, kept)), n: late.length + kept.length, spared: time(facts.late(spared)), item: late.at(-1)?.ref ?? spared.ref };
      },
    },
    {
      key: 'obeyed',
      seen(facts) {
        const event = punctual(facts, 'sse', facts.periods('proxy', 'accel'));
        return event ? { ms: time(facts.late(event)), item: event.ref } : null;
      },
    },
    {
      key: 'dropped',
      seen(facts) {
        const mute = facts.periods('silence', 'mute');
        for (const { end, items } of facts.connections('sse')) {
          if (!end || !facts.during(mute, end.at)) continue;
          const last = items.findLast((item) => item.at < end.at && item.length);
          const quiet = last && end.at - last.at;
          if (quiet >= 1000 * limit - 1500 && quiet <= 1000 * limit + 3000) return { ms: time(quiet), item: end.ref };
        }
        return null;
      },
    },
    {
      key: 'kept',
      seen(facts) {
        const beats = facts.periods('silence', 'beats');
        for (const { end, items } of facts.connections('sse')) {
          const told = items.filter((item) => item.topic === '$beat' && facts.during(beats, item.at));
          if (told.length < 4) continue;
          const span = (end?.at ?? told.at(-1).at) - told[0].at;
          if (span > 1000 * limit) return { n: told.length, ms: time(span), item: told.at(-1).ref };
        }
        return null;
      },
    },
  ],

  summary(facts) {
    const held = facts.periods('proxy', 'buffer');
    const late = slow(facts, 'sse', held);
    const kept = missing(facts, 'sse', held);
    const obeyed = punctual(facts, 'sse', facts.periods('proxy', 'accel'));
    const gateway = facts.exchanges('longpoll').find(({ status }) => status === 504);
    return {
      outcome: late.length ? 'lumps' : kept.length ? 'never' : punctual(facts, 'sse', held) ? 'same' : null,
      ms: late.length || kept.length ? time(longest(facts, late, kept)) : undefined,
      n: late.length,
      obeyed: obeyed && time(facts.late(obeyed)),
      nginx: facts.own.nginx, // there is a unix socket for it only
      gateway: gateway && time(facts.held(gateway)),
    };
  },

  specs: [
    { key: 'buffering', url: 'https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering' },
    { key: 'upstream', url: 'https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server' },
    { key: 'timeout', url: 'https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout' },
    { key: 'intermediaries', url: 'https://www.rfc-editor.org/rfc/rfc6202.html#section-3.2' },
    { key: 'comment', url: 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes' },
    { key: 'transform', url: 'https://www.rfc-editor.org/rfc/rfc9111.html#section-5.2.2.6' },
  ],
  code: [
    { file: 'sse/wire.go', at: 'open' },
    { file: 'sse/wire.go', at: 'AppendFrame' },
    { file: 'common/wire/stream.go', at: 'Stream.isSilent' },
  ],
  quiz: [
    { key: 'poll', options: ['complete', 'small', 'luck'], right: 'complete' },
    { key: 'interval', options: ['longer', 'shorter', 'equal'], right: 'shorter' },
    { key: 'header', options: ['all', 'some', 'browser'], right: 'some' },
  ],
};
