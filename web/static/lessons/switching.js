/** Lesson 6: switching protocols. A handshake in HTTP, then frames both ways; and a page of strangers that knocks. */
import { bytes, time } from './format.js';

/** handshakes are the requests for a WebSocket that were answered. */
function handshakes(facts) {
  return facts.exchanges('websocket').filter(({ response }) => response);
}

/** strange tells the attacker's handshakes: the address that his page was given has a mark. */
const mark = 'from=stranger';
const strange = ({ request }) => request.label.includes(mark);

/** attacks are the attacker's handshakes that were answered as long as the guard stood so. */
function attacks(facts, guard) {
  const periods = facts.periods('guard', guard);
  return handshakes(facts).filter((exchange) => strange(exchange) && facts.during(periods, exchange.request.at));
}

/** attacker tells whether this lab has one. */
const attacker = (x) => Boolean(x.app.lab.description.attacker);

/** send publishes by the connection itself. */
async function send(x) {
  const { id, ms } = await x.lane('websocket').publish('Hello from the page.');
  return { id, ms: time(ms) };
}

export const lesson = {
  key: 'switching',
  lanes: ['websocket'],
  options: ['browser', 'cors', 'cookie', 'server'],

  async begin(x) {
    await x.source({ rate: 0, kind: 'json', size: 64 });
    await x.fresh('websocket');
    x.note('guard', 'on');
  },

  controls: [
    { key: 'send', run: send },
    { key: 'beat', values: ['15s', '2s'], run: (x, heartbeat) => x.settings({ heartbeat }) },
    { key: 'guard', values: ['on', 'off'], run: (x, guard) => x.settings({ guard: guard === 'on' }), when: attacker },
    {
      key: 'attack',
      when: attacker,
      run(x) {
        x.own.attacks = (x.own.attacks ?? 0) + 1; // another address, so that the frame loads again
      },
    },
  ],

  /** frame is the attacker's page, on a host of its own. */
  frame(x) {
    const { attacker } = x.app.lab.description;
    if (!attacker || !x.own.attacks) return null;
    const target = x.app.lab.laneURL('websocket', `/websocket?${mark}`).replace('http', 'ws');
    const host = x.app.lab.host === 'plain' ? 'localhost' : 'attacker.localhost';
    return `http://${host}:${attacker.port}/attacker.html?${new URLSearchParams({ target, page: location.origin, n: x.own.attacks })}`;
  },

  observations: [
    {
      key: 'switched',
      seen(facts) {
        const shake = handshakes(facts).find((exchange) => exchange.status === 101 && !strange(exchange));
        return shake ? { ms: time(facts.held(shake)), up: bytes(shake.request.length), down: bytes(shake.response.length), item: shake.response.ref } : null;
      },
    },
    {
      key: 'masked',
      seen(facts) {
        const framed = (dir) => facts.items('websocket', 'message', 'event').findLast((item) => item.dir === dir && item.length > item.payload);
        const up = framed('up');
        const down = framed('down');
        if (!up || !down || up.length - up.payload < 6) return null;
        return { up: up.length - up.payload, down: down.length - down.payload, item: up.ref };
      },
    },
    {
      key: 'ping',
      seen(facts) {
        const ping = facts.items('websocket', 'ping').find(({ dir }) => dir === 'down');
        const pong = ping && facts.items('websocket', 'pong').find((item) => item.dir === 'up' && item.conn === ping.conn && item.at >= ping.at);
        return pong ? { ms: time(pong.at - ping.at), item: ping.ref } : null;
      },
    },
    {
      key: 'attack',
      when: attacker,
      seen(facts) {
        const refused = attacks(facts, 'on').find(({ status }) => status === 403);
        const let_in = attacks(facts, 'off').find(({ status }) => status === 101);
        return refused && let_in ? { item: refused.response.ref, other: let_in.response.ref } : null;
      },
    },
  ],

  summary(facts) {
    const refused = attacks(facts, 'on').find(({ status }) => status === 403);
    const entered = attacks(facts, 'off').find(({ status }) => status === 101);
    const close = facts.items('websocket', 'close').find(({ dir, label }) => dir === 'down' && /^close \d/.test(label));
    return {
      outcome: refused && entered ? 'server' : null,
      refused: refused && time(facts.held(refused)),
      close: close?.label.replace(/^close /, ''),
    };
  },

  specs: [
    { key: 'handshake', url: 'https://www.rfc-editor.org/rfc/rfc6455.html#section-4.2.2' },
    { key: 'mask', url: 'https://www.rfc-editor.org/rfc/rfc6455.html#section-5.3' },
    { key: 'codes', url: 'https://www.rfc-editor.org/rfc/rfc6455.html#section-7.4' },
    { key: 'origin', url: 'https://www.rfc-editor.org/rfc/rfc6455.html#section-10.2' },
  ],
  code: [
    { file: 'websocket/wire.go', at: 'checkUpgrade' },
    { file: 'common/request/origin.go', at: 'OriginAllowed' },
    { file: 'websocket/session.go', at: 'session.control' },
    { file: 'web/static/transports/websocket.js', at: 'open.connect' },
  ],
  quiz: [
    { key: 'mask', options: ['secret', 'proxy', 'checksum'], right: 'proxy' },
    { key: 'accept', options: ['password', 'understood', 'encrypt'], right: 'understood' },
    { key: 'code', options: ['sent', 'never', 'client'], right: 'never' },
  ],
};
