// node websocket.mjs
// A WebSocket server of the package ws. The path says what it does to its clients.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'
import { listen, pause, see } from './lines.mjs'

const envelope = (n, data = n) => JSON.stringify({ id: `mfrggzdf-${n}`, topic: 'count', data })
const text = { binary: false } // for bytes, which would go as a binary message
const seen = {} // path → how many requests there were

const ways = {
  plain(socket) {
    socket.send(envelope(1))
    socket.send(envelope(2, 'é🚀\u2028'))
  },
  // A frame for each byte, within characters too; empty ones and pings between them.
  fragments(socket) {
    for (const [n, data] of [[1, 'é🚀\u2028'], [2, 'x'.repeat(100)]]) {
      const bytes = Buffer.from(envelope(n, data))
      bytes.forEach((_, i) => {
        socket.send(bytes.subarray(i, i + 1), { ...text, fin: false })
        if (i % 50 === 10) socket.ping(`${n}/${i}`)
      })
      socket.send('', { fin: true })
    }
  },
  large(socket) {
    socket.send(envelope(1, 'é'.repeat(1 << 20)))
  },
  binary(socket) {
    socket.send(Buffer.from(envelope(1)))
  },
  invalid(socket) {
    socket.send(Buffer.from([0x22, 0xff, 0x22]), text)
  },
  foreign(socket) {
    socket.send('hello')
  },
  close(socket, query) {
    socket.send(envelope(1))
    const code = Number(query.get('code'))
    code ? socket.close(code, 'enough €') : socket.close()
  },
  // Three events behind the cursor, and a part of the next; then the connection breaks.
  resume(socket, query) {
    const last = Number(query.get('after')?.split('-')[1] ?? 0)
    for (let n = last + 1; n <= last + 3; n++) socket.send(envelope(n))
    socket.send('{"id":', { fin: false }, () => socket.terminate())
  },
  // Nothing but pings for a while.
  async pings(socket) {
    for (let i = 0; i < 60; i++) {
      socket.ping()
      await pause(25)
    }
    socket.send(envelope(1))
  },
}

// The server's side offers compression: it is the client that does not.
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } })

// Handshakes that the package would not do: they go against RFC 6455, section 4.1, so that a client
// has to fail the connection.
const wrong = {
  protocol: 'Sec-WebSocket-Protocol: other.v1',
  extension: 'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover',
  unknown: 'Sec-WebSocket-Extensions: foo',
  accept: 'Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
}

const server = createServer()
server.on('upgrade', (request, stream, head) => {
  const { pathname, searchParams } = new URL(request.url, 'http://server')
  const way = pathname.slice(1)
  const nth = (seen[pathname] = (seen[pathname] ?? 0) + 1)
  see('request', { path: request.url, header: request.headers })
  if (way === 'busy' && nth === 1) {
    return stream.end('HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy')
  }
  if (wrong[way]) {
    const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
    const accept = `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n`
    return stream.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade, keep-alive\r\n' +
      `${way === 'accept' ? '' : accept}${wrong[way]}\r\n\r\n`)
  }
  sockets.handleUpgrade(request, stream, head, (socket) => {
    see('open', { protocol: socket.protocol, extensions: socket.extensions })
    socket.on('pong', (data) => data.length && see('pong', { data: String(data) }))
    socket.on('close', (code, reason) => see('close', { code, reason: String(reason) }))
    socket.on('error', () => {}) // close follows
    ;(ways[way] ?? ways.plain)(socket, searchParams)
  })
})
listen(server, 'ws')
