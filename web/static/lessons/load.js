/** Lesson 9: under load. Batches, a reader that does not read, and a crowd that comes back at once. */
import { Returner } from './crowd.js';
import { busiest, seq, sum } from './facts.js';
import { bytes, time } from './format.js';
import { named } from './many.js';
import { study } from './study.js';

const crowd = 20; // clients that come back
const wait = 1500; // ms after which they do, on average
const window = 100; // ms: the storm is measured by the fullest of these

/** answers are the long polls of a time, with their events. */
function answers(facts, periods) {
  return facts.exchanges('longpoll').filter(({ response, events }) => response && events.length && facts.during(periods, response.at));
}

/** behind is how many events the slow reader's cursor is behind the head of the log. */
export function behind(trace, lane = 'httpstream') {
  const stream = trace.streams.find((one) => one.lane === lane);
  if (!stream || !trace.log.head) return 0;
  return Math.max(0, seq(trace.log.head) - seq(stream.cursor));
}

/** storm has a crowd connect, cuts all of it, and notes when who came back. It returns how many did. */
async function storm(x, key, delay) {
  x.dropAll();
  const began = x.app.lab.now();
  const clients = Array.from({ length: crowd }, (_, i) => x.keep(new Returner(x.app.lab.laneURL('sse', '/sse', { host: `c${i + 1}` }), delay)));
  const open = () => x.facts(began).exchanges('sse').filter(({ status, end }) => status === 200 && !end).length;
  if (!await x.until(() => open() >= crowd, 15_000)) throw new Error('crowd');
  await x.pause(300);
  const at = x.app.lab.now();
  await x.cut('sse', 'fin');
  await x.pause(2 * wait + 500);
  x.note(key, { from: at, to: x.app.lab.now() });
  const n = clients.filter(({ state }) => state === 'open').length;
  x.dropAll();
  return { n };
}

/** flow has so many events come, of that size; the choice of the rate shows it. */
async function flow(x, rate, size) {
  await x.source({ rate, size });
  x.values.rate = String(rate);
  x.note('rate', x.values.rate);
}

/** returns measures a storm: how many came back, and how many of them in the fullest tenth of a second. */
function returns(facts, key) {
  const note = facts.did(key)?.value;
  if (!note) return null;
  const times = facts.items('sse', 'request').filter(({ at }) => at > note.from && at <= note.to);
  if (times.length < crowd / 2) return null;
  return { n: times.length, most: busiest(times.map(({ at }) => at), window), spread: times.at(-1).at - times[0].at, item: times[0].ref };
}

export const lesson = {
  key: 'load',
  lanes: ['longpoll', 'httpstream', 'sse'],
  options: ['queue', 'slow', 'close', 'lap'],

  async begin(x) {
    await x.source({ rate: 1, kind: 'json', size: 64 });
    await x.fresh('longpoll', 'httpstream');
  },

  controls: [
    { key: 'rate', values: ['1', '100', '1000'], run: (x, rate) => x.source({ rate: Number(rate), size: 64 }) },
    {
      key: 'reader',
      values: ['reads', 'stalled'],
      async run(x, value) {
        if (value === 'stalled') {
          await x.settings({ history: 1000 });
          await x.stall('httpstream', true);
          await flow(x, 1000, 4096);
        } else {
          await flow(x, 1, 64);
          await x.stall('httpstream', false);
        }
      },
    },
    { key: 'fixed', when: named, run: (x) => storm(x, 'storm-fixed', () => wait) },
    { key: 'jitter', when: named, run: (x) => storm(x, 'storm-jitter', () => 2 * wait * Math.random()) },
  ],

  /** live is shown beside the controls while something goes on. */
  live(x) {
    if (x.values.reader !== 'stalled') return [];
    return [{ key: 'behind', n: behind(x.app.trace), kept: x.app.trace.log.history }];
  },

  observations: [
    {
      key: 'batch',
      seen(facts) {
        const fast = [...facts.periods('rate', '100'), ...facts.periods('rate', '1000')];
        const most = answers(facts, fast).reduce((a, b) => (b.events.length > (a?.events.length ?? 0) ? b : a), null);
        if (!most || most.events.length < 5) return null;
        const list = answers(facts, fast);
        return { n: most.events.length, total: sum(list, ({ events }) => events.length), answers: list.length, item: most.response.ref };
      },
    },
    {
      key: 'behind',
      seen(facts) {
        const stalled = facts.periods('reader', 'stalled');
        if (!facts.during(stalled, facts.now)) return null;
        const n = behind(facts.trace);
        const other = facts.events('longpoll').at(-1);
        const near = other && seq(facts.trace.log.head) - seq(other.id);
        return n >= 500 && near <= n / 4 ? { n, near, item: other.ref } : null;
      },
    },
    {
      key: 'gap',
      seen(facts) {
        const stalled = facts.did('reader', 'stalled');
        const gap = stalled && facts.items('httpstream', 'control').find(({ topic, at, missed }) => topic === '$gap' && at >= stalled.at && missed > 0);
        return gap ? { n: gap.missed, item: gap.ref } : null;
      },
    },
    {
      key: 'storm',
      when: named, // the crowd needs a host for each
      seen(facts) {
        const fixed = returns(facts, 'storm-fixed');
        const jitter = returns(facts, 'storm-jitter');
        if (!fixed || !jitter) return null;
        return {
          n: fixed.n, fixed: fixed.most, jitter: jitter.most, together: time(fixed.spread), spread: time(jitter.spread), item: fixed.item, other: jitter.item,
        };
      },
    },
  ],

  summary(facts, seen) {
    return { outcome: seen.gap ? 'lap' : null, memory: bytes(facts.trace.log.bytes) };
  },

  study,

  specs: [
    { key: 'batch', url: 'https://www.rfc-editor.org/rfc/rfc6202.html#section-2.2' },
    { key: 'backoff', url: 'https://www.rfc-editor.org/rfc/rfc6455.html#section-7.2.3' },
    { key: 'retry', url: 'https://html.spec.whatwg.org/multipage/server-sent-events.html#concept-event-stream-reconnection-time' },
  ],
  code: [
    { file: 'common/hub/subscription.go', at: 'Subscription.PollInto' },
    { file: 'common/wire/loop.go', at: 'Stream.loop' },
    { file: 'web/static/transports/shared.js', at: 'Backoff.next' },
    { page: 'lessons/crowd.js' },
  ],
  quiz: [
    { key: 'batch', options: ['more', 'fewer', 'same'], right: 'fewer' },
    { key: 'slow', options: ['everybody', 'itself', 'server'], right: 'itself' },
    { key: 'jitter', options: ['shorter', 'flatter', 'surer'], right: 'flatter' },
  ],
};
