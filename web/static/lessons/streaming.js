/** Lesson 4: a response that never ends. Chunks carry it, lines or fields frame the events, and an end needs a sign. */
import { time } from './format.js';
import { ended } from './facts.js';

const lanes = ['httpstream', 'sse'];
const pieces = 'down:split=7/1ms';

/** streams are the answers of both lanes that were streams. */
function streams(facts) {
  return lanes.flatMap((lane) => facts.exchanges(lane).filter(({ status }) => status === 200).map((exchange) => ({ lane, ...exchange })));
}

/** whole lists the events that crossed the wire in pieces of seven bytes, and that the page has got. */
function whole(facts) {
  const split = facts.periods('split', 'on');
  return lanes.flatMap((lane) => facts.events(lane))
    .filter((event) => event.received && event.length > 7 && facts.during(split, event.sent || event.at));
}

/** brokenOff is a stream whose connection ended without the sign of an end. */
function brokenOff(facts) {
  return streams(facts).map((stream) => ({ stream, end: facts.items(stream.lane).find((item) => item.conn === stream.conn && ended(item)) }))
    .find(({ stream, end }) => !stream.end && end && facts.did('cut') && end.at >= facts.did('cut').at - 50);
}

export const lesson = {
  key: 'streaming',
  lanes,
  options: ['whole', 'pieces', 'late'],

  async begin(x) {
    await x.source({ rate: 1, kind: 'json', size: 64 });
    await x.fresh(...lanes);
  },

  controls: [
    {
      key: 'split',
      values: ['off', 'on'],
      async run(x, value) {
        for (const lane of lanes) await x.fault(lane, value === 'on' ? pieces : '');
      },
    },
    { key: 'goodbye', run: (x) => x.restart({ down: '0s', log: 'kept', polite: true }) },
    {
      key: 'cut',
      async run(x) {
        for (const lane of lanes) await x.cut(lane, 'fin');
      },
    },
  ],

  observations: [
    {
      key: 'endless',
      seen(facts) {
        const stream = streams(facts).find(({ events, end }) => events.length >= 3 && !end);
        return stream ? { n: stream.events.length, age: time(stream.events.at(-1).at - stream.request.at), item: stream.response.ref } : null;
      },
    },
    {
      key: 'fields',
      seen(facts) {
        const lines = new Map(facts.events('httpstream').map((event) => [event.id, event]));
        const block = facts.events('sse').find(({ id }) => lines.has(id));
        return block ? { line: lines.get(block.id).length, block: block.length, item: block.ref } : null;
      },
    },
    {
      key: 'pieces',
      seen(facts) {
        const events = whole(facts);
        if (events.length < 2) return null;
        const last = events.at(-1);
        return { bytes: last.length, pieces: Math.ceil(last.length / 7), item: last.ref };
      },
    },
    {
      key: 'ends',
      seen(facts) {
        const complete = streams(facts).find(({ end, controls }) => end && controls.some(({ topic }) => topic === '$bye'));
        const broken = brokenOff(facts);
        return complete && broken ? { item: complete.end.ref, other: broken.end.ref } : null;
      },
    },
  ],

  summary(facts) {
    const events = whole(facts);
    if (!events.length) return { outcome: null };
    const last = events.at(-1);
    return {
      outcome: 'whole',
      n: events.length,
      bytes: last.length,
      pieces: Math.ceil(last.length / 7),
    };
  },

  specs: [
    { key: 'chunked', url: 'https://www.rfc-editor.org/rfc/rfc9112.html#section-7.1' },
    { key: 'incomplete', url: 'https://www.rfc-editor.org/rfc/rfc9112.html#section-8' },
    { key: 'fields', url: 'https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation' },
  ],
  code: [
    { file: 'httpstream/wire.go', at: 'AppendFrame' },
    { file: 'sse/wire.go', at: 'AppendFrame' },
    { file: 'web/static/transports/httpstream.js', at: 'open.read' },
    { file: 'web/static/transports/sse-fetch.js', at: 'Parser.feed' },
  ],
  quiz: [
    { key: 'blank', options: ['id', 'blank', 'chunk'], right: 'blank' },
    { key: 'chunks', options: ['event', 'any', 'line'], right: 'any' },
    { key: 'cut', options: ['fine', 'lost', 'error'], right: 'error' },
  ],
};
