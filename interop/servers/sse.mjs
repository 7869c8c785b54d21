// node sse.mjs
// An SSE server of plain node:http, in ways that are odd but legal. The path says which way.
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'
import { listen, pause, see } from './lines.mjs'

// One line end is written as \n here, and becomes what the request asks for.
const odd = `\uFEFF: a byte order mark, and a comment
retry: 20

data: one

: keep alive
:

event: update
id: 7·ü
data: {"a":
data: 1}

data:no space
data:  two spaces
data
data: end

event: nothing

data: without type

id: 99\0
data: é🚀\u2028

unknown: field
data: x
 data: with a space before
DATA: in capitals

event: ü
data: of a type that is no topic

data: 42

data

id: 8

data: not complete
`
const lineEnds = { lf: () => '\n', crlf: () => '\r\n', cr: () => '\r', mixed: (i) => ['\r', '\r\n', '\n'][i % 3] }

const stream = { 'Content-Type': 'text/event-stream' }
const events = 'id: 1\ndata: one\n\nid: 2\ndata: two\n\n'
const seen = {} // path → how many requests there were

const ways = {
  // Any line end, and any pieces: within a character, within CRLF.
  async odd(response, query) {
    const end = lineEnds[query.get('end')]
    let i = 0
    const bytes = Buffer.from(odd.replaceAll('\n', () => end(i++)))
    const size = Number(query.get('size'))
    response.writeHead(200, { 'Content-Type': 'Text/Event-Stream;charset=UTF-8' })
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size))
      if (size < 10) await pause(0)
    }
    response.end()
  },
  // Three events behind the last one seen; then the connection breaks within a chunk.
  resume(response, query, request) {
    const last = Number.parseInt(request.headers['last-event-id'] ?? '0')
    response.writeHead(200, stream)
    for (let n = last + 1; n <= last + 3; n++) response.write(`id: ${n}·ü\ndata: ${n}\n\n`)
    response.write(`id: ${last + 4}·ü\ndata: ${last + 4}\n`, () => {
      request.socket.write('8\r\ndata', () => request.socket.destroy())
    })
  },
  // The second answer takes the id of the first back: nothing is left to resume from.
  forget(response, query, request, nth) {
    response.writeHead(200, stream)
    response.end(['', 'id: 1\ndata: one\n\n', 'id\ndata: two\n\n', 'data: three\n\n'][nth])
  },
  // 204 tells a client to stop.
  stop(response, query, request, nth) {
    nth === 1 ? response.writeHead(200, stream).end(events) : response.writeHead(204).end()
  },
  busy(response, query, request, nth) {
    if (nth > 1) return response.writeHead(200, stream).end(events)
    response.writeHead(503, { 'Retry-After': '1', 'Content-Type': 'text/plain' }).end('too many readers\n')
  },
  moved(response, query) {
    response.writeHead(307, { Location: '/plain' }).end('look there')
  },
  plain(response) {
    response.writeHead(200, stream).end(events)
  },
  // Compressed only for who asks for it, or for who does not say that it must not be.
  gzip(response, query, request) {
    const accepted = request.headers['accept-encoding'] ?? (query.has('unasked') ? 'gzip' : '')
    if (!accepted.includes('gzip')) return response.writeHead(200, stream).end(events)
    response.writeHead(200, { ...stream, 'Content-Encoding': 'gzip' }).end(gzipSync(events))
  },
  // Neither a length nor chunks: the end of the connection ends the content.
  close(response) {
    response.useChunkedEncodingByDefault = false
    response.writeHead(200, { ...stream, Connection: 'close' })
    response.write('id: 1\ndata: one\n\n')
    response.end('id: 2\ndata: two\n\n')
  },
  // An informational answer before, and fields behind.
  extras(response) {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    response.writeHead(200, { ...stream, Trailer: 'Checksum' })
    response.write(events)
    response.addTrailers({ Checksum: 'x' })
    response.end()
  },
  large(response) {
    response.writeHead(200, stream).end(`data: ${'é'.repeat(1 << 20)}\n\n`)
  },
  html(response) {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html>')
  },
  // Nothing but comments for a while, as HTML section 9.2.7 recommends against proxies.
  async comments(response) {
    response.writeHead(200, stream)
    for (let i = 0; i < 60; i++) {
      response.write(': still here\n')
      await pause(25)
    }
    response.end(events)
  },
}

listen(createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://server')
  const nth = (seen[pathname] = (seen[pathname] ?? 0) + 1)
  see('request', { path: request.url, header: request.headers })
  ways[pathname.slice(1)](response, searchParams, request, nth)
}), 'http')
