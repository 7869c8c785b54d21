/** Lesson 8: many tabs, many streams. Six connections to a host, and what the seventh does. */
import { Stream, Socket } from './crowd.js';
import { ended } from './facts.js';
import { time } from './format.js';
import { t } from '../text.js';

const asked = 7;
const patience = 1500; // ms after which what has not come is being kept waiting

/** where says to which hosts the streams go. */
const where = {
  one: (x) => Array.from({ length: asked }, () => new Stream(x.app.lab.laneURL('sse'), change(x))),
  hosts: (x) => Array.from({ length: asked }, (_, i) => new Stream(x.app.lab.laneURL('sse', '/sse', { host: `s${i + 1}` }), change(x))),
  websocket: (x) => Array.from({ length: asked }, () => new Socket(x.app.lab.laneURL('websocket'), change(x))),
  h2: (x) => Array.from({ length: asked }, () => new Stream(x.app.lab.laneURL('sse', '/sse', { h2: true }), change(x))),
};

/** named tells whether each name below localhost is a host, as it should be. */
export const named = (x) => x.app.lab.host === 'named';

/** http2 tells whether this lab has it. */
const http2 = (x) => Boolean(x.app.lab.description.h2);

const change = (x) => ({ onchange: () => x.app.touch() });

/** opened opens seven streams, and waits until all of them are open, or some clearly are not going to be. */
function opened(x, value) {
  x.dropAll();
  x.own.fetch = null;
  x.own.streams = { where: value, at: x.app.lab.now(), list: where[value](x).map((stream) => x.keep(stream)) };
  return x.until(() => x.own.streams.list.every(({ state }) => state === 'open'), patience);
}

/** ask fetches something small from the host that has the streams. It is answered at once, or not until one ends. */
function ask(x) {
  const question = { at: x.app.lab.now(), where: x.own.streams?.where, ms: undefined };
  x.own.fetch = question;
  const stop = new AbortController();
  const began = performance.now();
  x.keep({ close: () => stop.abort() });
  fetch(x.app.lab.laneURL('sse', '/version'), { cache: 'no-store', signal: stop.signal }).then(() => {
    question.ms = performance.now() - began;
    x.note('answered', question);
    x.app.touch();
  }, () => {});
  return x.until(() => question.ms !== undefined, patience);
}

/** count is how many streams of a try the tap has seen beginning, and not ending within its time. */
function count(facts, lane, { at }, until) {
  const streams = facts.exchanges(lane).filter(({ request, status }) => (status === 200 || status === 101) && request.label.includes(`/${lane}`) &&
    request.at >= at - 5 && request.at < until);
  const alive = streams.filter(({ conn, request }) => !facts.items(lane).some((item) => item.conn === conn && ended(item) && item.at < request.at + patience));
  return { n: alive.length, last: alive.at(-1) };
}

/** tries pairs each choice with what the tap saw until the next one. */
function tries(facts, value) {
  const all = facts.all('where');
  return all.map((note, i) => ({ note, until: all[i + 1]?.at ?? Infinity })).filter(({ note }) => note.value === value && facts.now - note.at >= patience);
}

function seven(facts, value, lane) {
  for (const { note, until } of tries(facts, value)) {
    const { n, last } = count(facts, lane, note, until);
    if (n >= asked) return { n, item: last.response.ref };
  }
  return null;
}

export const lesson = {
  key: 'many',
  lanes: ['sse', 'websocket'],
  options: ['opens', 'error', 'waits'],

  async begin(x) {
    await x.source({ rate: 0, kind: 'json', size: 64 });
    await x.only();
  },

  controls: [
    { key: 'where', values: ['none', 'one', 'hosts', 'websocket', 'h2'], run: (x, value) => (value === 'none' ? x.dropAll() : opened(x, value)),
      offered: (x, value) => (value !== 'h2' || http2(x)) && (value !== 'hosts' || named(x)) },
    { key: 'ask', run: ask },
    {
      key: 'close',
      run(x) {
        const stream = x.own.streams?.list.find(({ state }) => state === 'open');
        if (!stream) return;
        x.drop(stream);
        x.own.streams.list.splice(x.own.streams.list.indexOf(stream), 1);
      },
    },
    { key: 'trust', when: http2, href: (x) => x.app.lab.laneURL('sse', '/version', { h2: true }) },
    {
      key: 'check',
      when: http2,
      async run(x) {
        const trusted = await fetch(x.app.lab.laneURL('sse', '/version', { h2: true }), { cache: 'no-store' }).then(({ ok }) => ok, () => false);
        return { result: t(`lessons.many.h2.${trusted ? 'yes' : 'no'}`) };
      },
    },
  ],

  live(x) {
    const list = x.own.streams?.list ?? [];
    const states = (state) => list.filter((stream) => stream.state === state).length;
    const lines = [];
    if (list.length) {
      lines.push({ key: states('failed') ? 'failed' : 'streams', all: list.length, open: states('open'), waiting: states('waiting'), failed: states('failed') });
    }
    const { fetch } = x.own;
    if (fetch) lines.push(fetch.ms === undefined ? { key: 'fetch', ms: time(x.app.lab.now() - fetch.at) } : { key: 'fetched', ms: time(fetch.ms) });
    return lines;
  },

  observations: [
    {
      key: 'six',
      seen(facts) {
        for (const { note, until } of tries(facts, 'one')) {
          const { n, last } = count(facts, 'sse', note, Math.min(until, note.at + patience));
          if (n === 6) return { n, item: last.response.ref };
        }
        return null;
      },
    },
    {
      key: 'waits',
      seen(facts) {
        const question = facts.all('answered').map(({ value }) => value).find(({ where: at, ms }) => at === 'one' && ms >= 1000);
        const request = question && facts.items('sse', 'request').find(({ at, label }) => at >= question.at && label.includes('/version'));
        return request ? { ms: time(question.ms), item: request.ref } : null;
      },
    },
    { key: 'hosts', when: named, seen: (facts) => seven(facts, 'hosts', 'sse') },
    { key: 'others', seen: (facts) => seven(facts, 'websocket', 'websocket') },
  ],

  summary(facts) {
    const [first] = tries(facts, 'one');
    if (!first) return { outcome: null };
    const { n } = count(facts, 'sse', first.note, Math.min(first.until, first.note.at + patience));
    const question = facts.all('answered').map(({ value }) => value).find(({ where: at }) => at === 'one');
    return {
      outcome: n >= asked ? 'opens' : n === 6 ? 'waits' : null,
      n,
      ms: question && time(question.ms),
    };
  },

  specs: [
    { key: 'limit', url: 'https://www.rfc-editor.org/rfc/rfc6202.html#section-5.1' },
    { key: 'concurrency', url: 'https://www.rfc-editor.org/rfc/rfc9112.html#section-9.4' },
    { key: 'streams', url: 'https://www.rfc-editor.org/rfc/rfc9113.html#section-5.1.2' },
    { key: 'sse', url: 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes' },
  ],
  code: [
    { page: 'lessons/crowd.js' },
    { page: 'lab/session.js' },
  ],
  quiz: [
    { key: 'tab', options: ['error', 'hang', 'close'], right: 'hang' },
    { key: 'cure', options: ['more', 'share', 'ping'], right: 'share' },
    { key: 'h2', options: ['same', 'streams', 'faster'], right: 'streams' },
  ],
};
