/** Lesson 1: ask again and again. Short polling: every answer comes at once, and most of them are empty. */
import { Poller } from './poller.js';
import { sum } from './facts.js';
import { bytes, time, percent } from './format.js';

/** asked lists the answered questions that had a cursor: the first has none, it only asks where now is. */
function asked(facts) {
  return facts.exchanges('longpoll').filter(({ request, response }) => request.id && response);
}

const empty = ({ status }) => status === 204;
const size = ({ request, response }) => request.length + response.length;

export const lesson = {
  key: 'asking',
  lanes: ['longpoll'],
  options: ['none', 'half', 'most'],

  async begin(x) {
    await x.only(); // the lanes hold the line; here the lesson itself asks
    await x.source({ rate: 0.19, kind: 'json', size: 64 }); // no whole number of seconds: else all events might fall just before a question
    x.poller = x.keep(new Poller(x.app));
  },

  controls: [
    { key: 'every', values: ['0', '1', '0.25'], run: (x, seconds) => x.poller.every(Number(seconds)) },
    { key: 'publish', run: (x) => x.step() },
  ],

  observations: [
    {
      key: 'empty',
      seen(facts) {
        const answers = asked(facts).filter(empty);
        if (answers.length < 5) return null;
        const total = sum(answers, size);
        return { n: answers.length, total: bytes(total), each: bytes(total / answers.length), item: answers.at(-1).response.ref };
      },
    },
    {
      key: 'waited',
      seen(facts) {
        const events = asked(facts).flatMap((exchange) => exchange.events);
        const late = events.map((event) => ({ event, ms: facts.late(event) })).filter(({ ms }) => ms >= 100);
        if (!late.length) return null;
        const longest = late.reduce((a, b) => (b.ms > a.ms ? b : a));
        return { ms: time(longest.ms), item: longest.event.ref };
      },
    },
    {
      key: 'oftener',
      seen(facts) {
        const often = facts.periods('every', '0.25');
        const answers = asked(facts).filter(({ request }) => facts.during(often, request.at));
        const nothing = answers.filter(empty);
        if (nothing.length < 10) return null;
        return { n: nothing.length, total: bytes(sum(nothing, size)), share: percent(nothing.length / answers.length), item: nothing.at(-1).response.ref };
      },
    },
  ],

  /** summary is about the time in which the page asked once a second. */
  summary(facts) {
    const once = facts.periods('every', '1');
    const answers = asked(facts).filter(({ request }) => facts.during(once, request.at));
    const nothing = answers.filter(empty);
    if (answers.length < 5) return { outcome: null };
    const each = sum(nothing, size) / (nothing.length || 1);
    return {
      outcome: nothing.length / answers.length < 0.25 ? 'none' : nothing.length / answers.length < 0.65 ? 'half' : 'most',
      empty: nothing.length,
      asked: answers.length,
      each: bytes(each),
      hour: bytes(3600 * each),
    };
  },

  specs: [
    { key: 'short', url: 'https://www.rfc-editor.org/rfc/rfc6202.html#section-2' },
    { key: 'nothing', url: 'https://www.rfc-editor.org/rfc/rfc9110.html#section-15.3.5' },
    { key: 'notmodified', url: 'https://www.rfc-editor.org/rfc/rfc9110.html#section-15.4.5' },
  ],
  code: [
    { file: 'longpoll/handler.go', at: 'Handler.wait' },
    { page: 'lessons/poller.js' },
  ],
  quiz: [
    { key: 'latency', options: ['zero', 'halfsecond', 'second'], right: 'halfsecond' },
    { key: 'notmodified', options: ['yes', 'body', 'no'], right: 'body' },
    { key: 'good', options: ['never', 'weather', 'chat'], right: 'weather' },
  ],
};
