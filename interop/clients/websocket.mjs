// node websocket.mjs ws|undici once|again URL AFTER
// A WebSocket of that package; "again" resumes whenever it closes. Commands:
//   {"send": TEXT} {"close": CODE, "reason": TEXT}, where code 0 is none, and of ws only
//   {"bytes": BASE64, "binary": BOOL, "final": BOOL} {"ping": TEXT}
import { onCommand, pause, see } from './lines.mjs'

let [library, mode, url, after] = process.argv.slice(2)
const { WebSocket } = await import(library)
let socket
let retry = 10

function connect() {
  socket = new WebSocket(`${url}?after=${after}`, 'pushlab.v1')
  // An error while it opens shows the rest: undici has no close event then, ws has one.
  let open = false
  let over = false
  const end = async (what, more) => {
    if (over) return
    over = true
    see(what, more)
    if (mode !== 'again') return
    await pause(retry)
    connect()
  }
  socket.onopen = () => {
    open = true
    see('open', { protocol: socket.protocol, extensions: socket.extensions })
  }
  socket.onerror = ({ message }) => open || end('lost', { reason: message })
  socket.onclose = ({ code, reason, wasClean }) => end('close', { code, reason, clean: wasClean })
  socket.onmessage = ({ data }) => {
    const { op, id, topic, data: value } = JSON.parse(data)
    if (op) return see('reply', { data })
    after = id
    if (topic === '$bye') retry = value.retry
    see('event', { data })
  }
  if (library !== 'ws') return // a browser's interface shows no more than that
  socket.on('ping', () => see('ping'))
  socket.on('pong', (data) => see('pong', { data: String(data) }))
}

connect()
onCommand(({ send, bytes, binary, final = true, ping, close, reason }) => {
  if (send !== undefined) socket.send(send)
  if (bytes !== undefined) socket.send(Buffer.from(bytes, 'base64'), { binary, fin: final })
  if (ping !== undefined) socket.ping(ping)
  if (close !== undefined) close ? socket.close(close, reason) : socket.close()
})
