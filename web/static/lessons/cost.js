/** Lesson 3: what one event costs. One event, four ways, and every byte counted that crossed the wire for it. */
import { spent } from './facts.js';
import { bytes, percent } from './format.js';

const lanes = ['longpoll', 'httpstream', 'sse', 'websocket'];

/** idle reports whether all four wait for something to happen: three streams are open, and a poll is held. */
function idle(x, facts) {
  const poll = facts.exchanges('longpoll').at(-1);
  return lanes.every((name) => x.lane(name).state === 'open') && poll?.request.id && !poll.response;
}

/**
 * weigh publishes one event, and notes what each lane's totals were before it, and when it had arrived everywhere and
 * the next poll was on its way. A heartbeat in between would be counted too; then it is done once more.
 */
async function weigh(x) {
  for (let round = 0; round < 3; round++) {
    if (!await x.until(() => idle(x, x.facts()))) throw new Error('busy');
    await x.pause(150); // the last batch of what was before
    const before = totals(x);
    const { id } = await x.step();
    const arrived = () => {
      const facts = x.facts();
      return lanes.every((name) => facts.events(name).some((event) => event.id === id)) && idle(x, facts);
    };
    if (!await x.until(arrived)) throw new Error('late');
    await x.pause(150);
    const after = totals(x);
    if (lanes.some((name) => after[name].control !== before[name].control)) continue;
    x.note('weighed', { id, size: x.app.trace.published.get(id)?.n, before, after });
    return { id };
  }
  throw new Error('busy');
}

function totals(x) {
  return Object.fromEntries(lanes.map((name) => [name, { ...x.app.trace.totals(name) }]));
}

/** weighings are what one event cost on each lane: { id, size, of: lane → { up, down, all, head, framing, payload, segments } }. */
function weighings(facts) {
  return facts.all('weighed').map(({ value: { id, size, before, after } }) => {
    const of = {};
    for (const name of lanes) {
      of[name] = spent(before[name], after[name]);
      of[name].all = of[name].up + of[name].down;
    }
    return { id, size, of };
  });
}

/** item is the event on one lane. */
function item(facts, lane, id) {
  return facts.events(lane).find((event) => event.id === id)?.ref;
}

export const lesson = {
  key: 'cost',
  lanes,
  options: ['near', 'some', 'many'],

  async begin(x) {
    await x.source({ rate: 0, kind: 'json', size: 64 });
    await x.fresh(...lanes);
  },

  controls: [
    { key: 'weigh', run: weigh },
    { key: 'size', values: ['64', '16', '1024', '16384'], run: (x, size) => x.source({ size: Number(size) }) },
  ],

  observations: [
    {
      key: 'everywhere',
      seen(facts) {
        const w = weighings(facts).at(-1);
        return w ? { id: w.id, size: bytes(w.size), item: item(facts, 'sse', w.id) } : null;
      },
    },
    {
      key: 'again',
      seen(facts) {
        const w = weighings(facts).find(({ of }) => of.longpoll.up > 0 && ['httpstream', 'sse', 'websocket'].every((name) => of[name].up === 0));
        if (!w) return null;
        const event = facts.events('longpoll').find(({ id }) => id === w.id);
        const next = facts.items('longpoll', 'request').find(({ at }) => event && at >= event.at);
        return { up: bytes(w.of.longpoll.up), head: bytes(w.of.longpoll.head), item: next?.ref ?? event?.ref };
      },
    },
    {
      key: 'framing',
      seen(facts) {
        const w = weighings(facts).at(-1);
        if (!w || !(w.of.websocket.framing < w.of.httpstream.framing && w.of.httpstream.framing < w.of.sse.framing)) return null;
        return {
          websocket: bytes(w.of.websocket.framing), httpstream: bytes(w.of.httpstream.framing), sse: bytes(w.of.sse.framing),
          item: item(facts, 'websocket', w.id),
        };
      },
    },
    {
      key: 'large',
      seen(facts) {
        const list = weighings(facts);
        const small = list.find(({ size }) => size <= 128);
        const large = list.find(({ size }) => size >= 8192);
        if (!small || !large) return null;
        const over = ({ size, of }) => percent((of.longpoll.all - size) / of.longpoll.all);
        return { small: over(small), large: over(large), item: item(facts, 'longpoll', large.id) };
      },
    },
  ],

  summary(facts) {
    const w = weighings(facts).find(({ size }) => size <= 128);
    if (!w) return { outcome: null };
    const all = w.of.longpoll.all;
    return {
      outcome: all < 2 * w.size ? 'near' : all < 500 ? 'some' : 'many',
      data: bytes(w.size),
      all: bytes(all),
      up: bytes(w.of.longpoll.up),
      websocket: bytes(w.of.websocket.all),
      sse: bytes(w.of.sse.all),
      httpstream: bytes(w.of.httpstream.all),
      times: Math.round(all / w.of.websocket.all),
      segments: w.of.longpoll.segments,
      pushed: w.of.websocket.segments,
    };
  },

  table(facts) {
    const w = weighings(facts).at(-1);
    return w && lanes.map((name) => {
      const { up, down, head, framing, payload, segments } = w.of[name];
      return { lane: name, cells: [up, down, head, framing, payload, segments] };
    });
  },

  specs: [
    { key: 'heads', url: 'https://www.rfc-editor.org/rfc/rfc6202.html#section-2.2' },
    { key: 'chunk', url: 'https://www.rfc-editor.org/rfc/rfc9112.html#section-7.1' },
    { key: 'frame', url: 'https://www.rfc-editor.org/rfc/rfc6455.html#section-5.2' },
  ],
  code: [
    { file: 'longpoll/wire.go', at: 'appendAnswer' },
    { file: 'httpstream/wire.go', at: 'AppendFrame' },
    { file: 'sse/wire.go', at: 'AppendFrame' },
    { file: 'websocket/wire.go', at: 'appendHeader' },
  ],
  quiz: [
    { key: 'cookie', options: ['poll', 'stream', 'same'], right: 'poll' },
    { key: 'segments', options: ['bytes', 'packets', 'nothing'], right: 'packets' },
    { key: 'matters', options: ['always', 'small', 'never'], right: 'small' },
  ],
};
