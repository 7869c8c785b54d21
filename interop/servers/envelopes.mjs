// node envelopes.mjs
// Pushlab's HTTP streaming and long polling as somebody else would write them, on plain node:http.
import { createServer } from 'node:http'
import { listen, pause, see } from './lines.mjs'

const epoch = 'mfrggzdf'
const seen = {} // path → how many requests there were
const envelope = (n) => ({ data: { n }, extra: [], topic: 'count', id: `${epoch}-${n}` })
const seqOf = (cursor) => (cursor?.startsWith(epoch) ? Number(cursor.split('-')[1]) : 0)
const ndjson = { 'Content-Type': 'application/x-ndjson; charset=utf-8' }

const ways = {
  // Empty lines to keep alive, spaces, CRLF, escapes where none are needed, other orders.
  async odd(response, query) {
    const bytes = Buffer.from([
      '\n\r\n',
      ` {"topic": "$open", "id": "${epoch}-0", "data": {"topics": null}}\r\n`,
      `{"data":"é🚀\u2028","\\u0074opic":"count","id":"${epoch}-1"} \t\n\n`,
      `{"id":"${epoch}-2","topic":"count","seen":{"data":1},"data":{ "n" : [ 1e0, -0.0 ] }}\n`,
      `{"id":"${epoch}-2","topic":"$beat","data":{}}\n`,
      `{"id":"${epoch}-3","topic":"$new","data":[]}\n`, // a control event of a later version
    ].join(''))
    const size = Number(query.get('size'))
    response.writeHead(200, ndjson)
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size))
      if (size < 10) await pause(0)
    }
    response.end()
  },
  // Three events behind the cursor; then the connection breaks within a chunk.
  resume(response, query, request) {
    const last = seqOf(query.get('after'))
    response.writeHead(200, ndjson)
    for (let n = last + 1; n <= last + 3; n++) response.write(JSON.stringify(envelope(n)) + '\n')
    response.write(JSON.stringify(envelope(last + 4)).slice(0, 20), () => {
      request.socket.write('8\r\ndata', () => request.socket.destroy())
    })
  },
  // Nothing but empty lines for a while.
  async empty(response) {
    response.writeHead(200, ndjson)
    for (let i = 0; i < 60; i++) {
      response.write('\n')
      await pause(25)
    }
    response.end(JSON.stringify(envelope(1)) + '\n')
  },
  // The last line has no end, so that nobody can say whether it is complete.
  unfinished(response) {
    response.writeHead(200, ndjson).end(JSON.stringify(envelope(1)) + '\n' + JSON.stringify(envelope(2)))
  },
  foreign(response) {
    response.writeHead(200, ndjson).end(JSON.stringify(envelope(1)) + '\n{"hello":"world"}\n')
  },

  // A log of nine events, three at most in an answer; then the server leaves once, and fails once.
  longpoll(response, query, request, nth) {
    const last = seqOf(query.get('after'))
    const field = (name) => ({ 'Pushlab-Cursor': `${epoch}-${name}` })
    if (nth === 3) return response.writeHead(503, { 'Retry-After': '0' }).end()
    if (nth === 4) return response.writeHead(204, { ...field(last), 'Retry-After': '1', Connection: 'close' }).end()
    if (nth === 5) return request.socket.destroy()
    if (last >= 9) return response.writeHead(204, field(last)).end()
    const events = [last + 1, last + 2, last + 3].map(envelope)
    response.writeHead(200, { ...field(last + 3), 'Content-Type': 'application/json;charset=utf-8' })
    response.write(JSON.stringify({ more: last < 6, events, cursor: `${epoch}-${last + 3}` }, null, '\t'))
    response.end('\r\n')
  },
}

listen(createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://server')
  const nth = (seen[pathname] = (seen[pathname] ?? 0) + 1)
  see('request', { path: request.url, header: request.headers })
  ways[pathname.slice(1)](response, searchParams, request, nth)
}), 'http')
