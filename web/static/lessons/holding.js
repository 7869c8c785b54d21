/** Lesson 2: hold the line. Long polling: the server keeps the question until there is something to say. */
import { bytes, time } from './format.js';

/** polls lists the answered polls that could wait: the first one, without a cursor, never does. */
function polls(facts) {
  return facts.exchanges('longpoll').filter(({ request, response }) => request.id && response);
}

/** caught lists the events for which a poll was already waiting when they were published. */
function caught(facts) {
  const list = [];
  for (const poll of polls(facts)) {
    for (const event of poll.events) {
      const published = facts.trace.published.get(event.id);
      if (published && published.at - poll.request.at >= 300) list.push({ poll, event, waited: published.at - poll.request.at, late: event.at - published.at });
    }
  }
  return list;
}

export const lesson = {
  key: 'holding',
  lanes: ['longpoll'],
  options: ['now', 'next', 'end'],

  async begin(x) {
    await x.source({ rate: 0, kind: 'json', size: 64 });
    x.wait('longpoll', 5);
    await x.fresh('longpoll');
  },

  controls: [
    { key: 'publish', run: (x) => x.step() },
    { key: 'wait', values: ['5', '2', '20'], run: (x, seconds) => x.wait('longpoll', Number(seconds)) },
  ],

  observations: [
    {
      key: 'held',
      seen(facts) {
        const longest = polls(facts).filter((poll) => facts.held(poll) >= 1500).at(-1);
        return longest ? { ms: time(facts.held(longest)), item: longest.request.ref } : null;
      },
    },
    {
      key: 'caught',
      seen(facts) {
        const quick = caught(facts).filter(({ late }) => late <= 500).at(-1);
        return quick ? { waited: time(quick.waited), late: time(quick.late), item: quick.event.ref } : null;
      },
    },
    {
      key: 'timeout',
      seen(facts) {
        const empty = polls(facts).find((poll) => poll.status === 204 && facts.held(poll) >= 1500);
        return empty ? { ms: time(facts.held(empty)), id: empty.response.id, item: empty.response.ref } : null;
      },
    },
    {
      key: 'cursor',
      seen(facts) {
        const list = polls(facts);
        for (const { events } of list) {
          const last = events.at(-1);
          const next = last && facts.items('longpoll', 'request').find((request) => request.at >= last.at && request.id === last.id);
          if (next) return { id: last.id, gap: time(next.at - last.at), item: next.ref };
        }
        return null;
      },
    },
  ],

  summary(facts) {
    const events = caught(facts);
    if (!events.length) return { outcome: null };
    const { late, waited } = events.at(-1);
    const empty = polls(facts).filter(({ status }) => status === 204);
    return {
      outcome: late < 500 ? 'now' : late < 2000 ? 'next' : 'end',
      late: time(late),
      waited: time(waited),
      empty: empty.length,
      each: empty.length ? bytes(empty.reduce((n, { request, response }) => n + request.length + response.length, 0) / empty.length) : undefined,
      lasted: time(facts.now - facts.since),
    };
  },

  specs: [
    { key: 'longpoll', url: 'https://www.rfc-editor.org/rfc/rfc6202.html#section-2' },
    { key: 'timeouts', url: 'https://www.rfc-editor.org/rfc/rfc6202.html#section-5.5' },
    { key: 'prefer', url: 'https://www.rfc-editor.org/rfc/rfc7240.html#section-4.3' },
  ],
  code: [
    { file: 'longpoll/handler.go', at: 'Handler.wait' },
    { file: 'web/static/transports/longpoll.js', at: 'open.poll' },
  ],
  quiz: [
    { key: 'between', options: ['lost', 'log', 'queue'], right: 'log' },
    { key: 'hold', options: ['forever', 'half', 'proxy'], right: 'proxy' },
    { key: 'state', options: ['list', 'none', 'session'], right: 'none' },
  ],
};
