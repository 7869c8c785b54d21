/** Lesson 5: staying found. The connection breaks, events go on, and the client asks for what it missed. */
import { ended, seq } from './facts.js';
import { time } from './format.js';

const away = 5; // events that are published while the client is away

/**
 * absences pairs each cut with what came after it: the end of the connection, the request that resumed, what was
 * published in between, and what of it came.
 */
function absences(facts) {
  return facts.all('away').map((cut) => {
    const items = facts.items('sse');
    const end = items.find((item) => item.at >= cut.at - 50 && ended(item));
    const request = end && items.find((item) => item.kind === 'request' && item.at > end.at);
    const last = end && items.findLast((item) => item.at <= end.at && item.id && (item.kind === 'event' || item.kind === 'control'));
    const missed = request ? facts.publishedIn(end.at, request.at) : [];
    const replays = request ? items.filter((item) => item.kind === 'event' && item.conn === request.conn && item.replay) : [];
    const gap = request && items.find((item) => item.kind === 'control' && item.conn === request.conn && item.topic === '$gap');
    return { cut, end, request, last, missed, replays, gap };
  });
}

export const lesson = {
  key: 'resuming',
  lanes: ['sse'],
  options: ['none', 'some', 'all'],

  async begin(x) {
    await x.source({ rate: 0, kind: 'json', size: 64 });
    await x.fresh('sse');
    await x.steps(2); // so that there is a last event
  },

  controls: [
    {
      key: 'away',
      async run(x) {
        await x.open('sse');
        await x.cut('sse', 'fin');
        await x.steps(away);
      },
    },
    { key: 'history', values: ['10000', '3'], run: (x, history) => x.settings({ history: Number(history) }) },
  ],

  observations: [
    {
      key: 'absent',
      seen(facts) {
        const absence = absences(facts).find(({ request, missed }) => request && missed.length >= away);
        if (!absence) return null;
        return { n: absence.missed.length, ms: time(absence.request.at - absence.end.at), item: absence.end.ref };
      },
    },
    {
      key: 'cursor',
      seen(facts) {
        const absence = absences(facts).find(({ request, last }) => request && last && request.id === last.id);
        return absence ? { id: absence.request.id, item: absence.request.ref } : null;
      },
    },
    {
      key: 'replayed',
      seen(facts) {
        const absence = absences(facts).find(({ missed, replays }) => missed.length >= away &&
          missed.every(({ id }) => replays.some((replay) => replay.id === id)));
        if (!absence) return null;
        const { replays } = absence;
        return { n: replays.length, first: seq(replays[0].id), last: seq(replays.at(-1).id), item: replays[0].ref };
      },
    },
    {
      key: 'gap',
      seen(facts) {
        const absence = absences(facts).find(({ gap }) => gap?.missed > 0);
        return absence ? { n: absence.gap.missed, came: absence.replays.length, item: absence.gap.ref } : null;
      },
    },
  ],

  summary(facts) {
    const list = absences(facts).filter(({ missed, request }) => request && missed.length);
    const kept = list.find(({ gap }) => !gap);
    if (!kept) return { outcome: null };
    const came = kept.missed.filter(({ id }) => kept.replays.some((replay) => replay.id === id)).length;
    const gap = list.find((absence) => absence.gap);
    return {
      outcome: came === kept.missed.length ? 'none' : came ? 'some' : 'all',
      published: kept.missed.length,
      came,
      cursor: kept.request.id,
      ms: time(kept.request.at - kept.end.at),
      missed: gap?.gap.missed,
    };
  },

  specs: [
    { key: 'id', url: 'https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation' },
    { key: 'header', url: 'https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header' },
    { key: 'retry', url: 'https://html.spec.whatwg.org/multipage/server-sent-events.html#concept-event-stream-reconnection-time' },
  ],
  code: [
    { file: 'common/hub/subscription.go', at: 'Subscription.gap' },
    { file: 'sse/wire.go', at: 'appendRetry' },
    { file: 'web/static/transports/sse.js', at: 'open.connect' },
    { page: 'ledger.js' },
  ],
  quiz: [
    { key: 'who', options: ['server', 'browser', 'page'], right: 'browser' },
    { key: 'websocket', options: ['same', 'code', 'never'], right: 'code' },
    { key: 'silent', options: ['skip', 'say', 'close'], right: 'say' },
  ],
};
