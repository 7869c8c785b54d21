/**
 * Which lines made what is on the wire: for each lane and kind of item the file and the functions, on the server's side
 * and on the browser's. A function is named as GET /source/ names it: "Type.Method", "outer.inner".
 */

const transports = 'web/static/transports';
const browser = { why: 'browser' }; // no code of ours

const at = (file, functions, why) => ({ file, functions: [functions].flat(), why });

/** What all streams share. */
const failed = at('common/wire/loop.go', ['Stream.loop', 'Stream.failure'], 'break-server');
const goodbye = at('common/wire/write.go', 'write.goodbye', 'end-server');

const map = {
  longpoll: (() => {
    const client = (functions, why) => at(`${transports}/longpoll.js`, functions, why);
    return {
      request: [at('longpoll/handler.go', 'Handler.ServeHTTP', 'request-server'), client('open.poll', 'request-client')],
      response: [at('longpoll/handler.go', 'Handler.write', 'response-server'), client('open.poll', 'response-client')],
      event: [at('longpoll/wire.go', ['AppendFrame', 'appendAnswer'], 'event-server'), client(['open.receive', 'open.poll'], 'event-client')],
      control: [at('longpoll/wire.go', 'appendAnswer', 'control-server'), client('open.receive', 'control-client')],
      end: [at('longpoll/handler.go', ['Handler.wait', 'Handler.write'], 'wait-server'), client('open.run', 'end-client')],
      break: [at('longpoll/handler.go', 'Handler.write', 'break-server'), client('open.run', 'break-client')],
    };
  })(),
  httpstream: (() => {
    const server = (functions, why) => at('httpstream/wire.go', functions, why);
    const client = (functions, why) => at(`${transports}/httpstream.js`, functions, why);
    return {
      request: [at('httpstream/handler.go', 'Handler.ServeHTTP', 'request-server'), client('open.read', 'request-client')],
      response: [server('open', 'response-server'), client('open.read', 'response-client')],
      event: [server('AppendFrame', 'event-server'), client(['open.read', 'open.receive'], 'event-client')],
      control: [server('AppendFrame', 'control-server'), client('open.receive', 'control-client')],
      end: [goodbye, client('open.read', 'end-client')],
      break: [failed, client('open.run', 'break-client')],
    };
  })(),
  sse: (() => {
    const server = (functions, why) => at('sse/wire.go', functions, why);
    const client = (functions, why) => at(`${transports}/sse.js`, functions, why);
    return {
      request: [at('sse/handler.go', 'Handler.ServeHTTP', 'request-server'), client('open.connect', 'request-client')],
      response: [server('open', 'response-server'), browser],
      event: [server('AppendFrame', 'event-server'), client('open.receive', 'event-client')],
      control: [server(['appendRetry', 'AppendFrame'], 'control-server'), client('open.receive', 'control-client')],
      comment: [server('AppendFrame', 'comment-server'), browser],
      end: [goodbye, client('open.connect', 'end-client')],
      break: [failed, client(['open.connect', 'open.renew'], 'break-client')],
    };
  })(),
  'sse by fetch': (() => {
    const client = (functions, why) => at(`${transports}/sse-fetch.js`, functions, why);
    return {
      request: [undefined, client('open.request', 'request-client')],
      response: [undefined, client('check', 'response-client')],
      event: [undefined, client(['Parser.#dispatch', 'Parser.#field'], 'event-client')],
      control: [undefined, client(['Parser.#dispatch', 'open.receive'], 'control-client')],
      comment: [undefined, client('Parser.#field', 'comment-client')],
      end: [undefined, client('open.read', 'end-client')],
      break: [undefined, client(['open.delay', 'open.run'], 'break-client')],
    };
  })(),
  websocket: (() => {
    const server = (functions, why) => at('websocket/wire.go', functions, why);
    const session = (functions, why) => at('websocket/session.go', functions, why);
    const client = (functions, why) => at(`${transports}/websocket.js`, functions, why);
    return {
      request: [server('checkUpgrade', 'request-server'), client('open.connect', 'request-client')],
      response: [server('Handler.open', 'response-server'), browser],
      event: [server(['appendHeader', 'AppendFrame'], 'event-server'), client('open.receive', 'event-client')],
      control: [server('AppendFrame', 'control-server'), client('open.receive', 'control-client')],
      message: [session('session.reply', 'message-server'), client('open.answer', 'message-client')],
      'message-up': [session(['session.serveMessage', 'session.operate'], 'message-server'), client('open.publish', 'message-client')],
      frame: [at('websocket/frames.go', ['frames.next', 'frames.check'], 'frame-server'), browser],
      ping: [server('appendPing', 'ping-server'), browser],
      pong: [session('session.control', 'pong-server'), browser],
      close: [server('appendClose', 'close-server'), client(['open.connect', 'open.renew'], 'close-client')],
      'close-up': [session('session.control', 'close-server'), client('open.drop', 'close-client')],
      break: [failed, client('open.renew', 'break-client')],
    };
  })(),
};

const breaks = new Set(['fin', 'reset', 'deadline', 'error', 'refused', 'state', 'fault']);

/**
 * codeFor returns { server, client }, each { file, functions, why }, or { why } alone where no code of ours ran. fetching
 * says that the lane of SSE is read by fetch.
 */
export function codeFor({ lane, kind, dir, length }, { fetching = false } = {}) {
  const table = map[lane];
  if (!table) return {};
  const name = kind === 'close' && !length || breaks.has(kind) ? 'break' : dir === 'up' && table[`${kind}-up`] ? `${kind}-up` : kind;
  let [server, client] = table[name] ?? [];
  if (fetching && lane === 'sse') client = map['sse by fetch'][name]?.[1] ?? client;
  return { server, client };
}

/** fileOf is what a lane shows on a side while nothing is selected. */
export function fileOf(lane, side, { fetching = false } = {}) {
  if (side === 'server') return `${lane}/wire.go`;
  return `${transports}/${lane}${fetching && lane === 'sse' ? '-fetch' : ''}.js`;
}

/** belongs tells whether a file is worth offering for a lane and a side. */
export function belongs(file, lane, side) {
  if (side === 'client') return file.startsWith(`${transports}/`);
  return file.startsWith(`${lane}/`) || file.startsWith('common/');
}

/** all are all places that the map names, to check that they exist. */
export function all() {
  return Object.values(map).flatMap((table) => Object.values(table).flat()).filter((place) => place?.file);
}
