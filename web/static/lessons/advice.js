/**
 * Which way to push fits: reasons for (1), against (-1) and decisively against (-3), and some that are only to be known
 * (0), by what was answered. The text of a reason is at decide.reasons.<key>, and lesson is where it can be measured.
 * There is no other preference in here: who weighs differently can read the reasons, and decide otherwise.
 */
const L = 'longpoll';
const H = 'httpstream';
const S = 'sse';
const W = 'websocket';

export const ways = [L, H, S, W];

/** reason is what an answer says about some of the ways. */
const reason = (key, weight, lesson, ...of) => ({ key, weight, lesson, of });

const table = {
  direction: {
    down: [reason('down-stream', 1, 'streaming', H, S), reason('down-websocket', 0, 'switching', W)],
    some: [reason('some-post', 0, 'switching', L, H, S)],
    both: [reason('both-websocket', 1, 'switching', W), reason('both-post', -1, 'cost', L, H, S)],
  },
  clients: {
    browsers: [reason('browsers-sse', 1, 'resuming', S), reason('browsers-websocket', 0, 'switching', W), reason('browsers-fetch', -1, 'streaming', H)],
    mixed: [reason('mixed-http', 1, 'streaming', L, H, S), reason('mixed-websocket', 0, 'switching', W)],
    simple: [reason('simple-poll', 1, 'holding', L), reason('simple-stream', -1, 'streaming', H, S), reason('simple-websocket', -1, 'switching', W)],
  },
  middle: {
    own: [reason('own-stream', 0, 'middle', H, S), reason('own-websocket', 0, 'middle', W)],
    foreign: [reason('foreign-poll', 1, 'middle', L), reason('foreign-stream', -1, 'middle', H, S), reason('foreign-websocket', -1, 'middle', W)],
    none: [],
  },
  rate: {
    rare: [reason('rare-poll', 1, 'cost', L), reason('rare-stream', 0, 'cost', H, S, W)],
    some: [reason('some-poll', -1, 'cost', L), reason('some-stream', 1, 'cost', H, S, W)],
    flood: [reason('flood-poll', -1, 'load', L), reason('flood-stream', 1, 'load', H, S), reason('flood-websocket', 1, 'load', W)],
  },
  auth: {
    cookie: [reason('cookie-websocket', 0, 'switching', W)],
    header: [reason('header-fetch', 0, 'switching', L, H), reason('header-sse', -1, 'switching', S), reason('header-websocket', -1, 'switching', W)],
  },
  infra: {
    ordinary: [],
    short: [reason('short-poll', 1, 'holding', L), reason('short-stream', -3, 'resuming', H, S, W)],
    tabs: [reason('tabs-poll', -1, 'many', L), reason('tabs-stream', -1, 'many', H, S), reason('tabs-websocket', 1, 'many', W)],
  },
};

export const questions = Object.entries(table).map(([key, options]) => ({ key, options: Object.keys(options) }));

/** reasons are all of them. */
export const reasons = Object.values(table).flatMap((options) => Object.values(options).flat());

/** advise returns the ways with their reasons, and those that fit best: all that no other beats. */
export function advise(answers) {
  const list = ways.map((name) => {
    const own = Object.entries(answers).flatMap(([question, option]) => table[question]?.[option] ?? []).filter(({ of }) => of.includes(name));
    const pro = own.filter(({ weight }) => weight > 0).length;
    const con = own.filter(({ weight }) => weight < 0).length;
    return { name, reasons: own, pro, con, sum: own.reduce((sum, { weight }) => sum + weight, 0), out: own.some(({ weight }) => weight < -1) };
  });
  const fit = list.filter(({ out }) => !out);
  const most = Math.max(...fit.map(({ sum }) => sum));
  return { ways: list, best: fit.filter(({ sum }) => sum === most) };
}
