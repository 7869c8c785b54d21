// node eventsource.mjs eventsource|undici URL
// An EventSource of that package. Reconnecting and resuming are its own.
import { see } from './lines.mjs'

const [library, url] = process.argv.slice(2)
const { EventSource } = await import(library)

const source = new EventSource(url)
source.onopen = () => see('open')
source.onerror = () => see(source.readyState === EventSource.CLOSED ? 'failed' : 'lost')
for (const type of ['message', '$open', '$beat', '$gap', '$bye']) {
  source.addEventListener(type, (e) => see('event', { type, cursor: e.lastEventId, data: e.data }))
}

process.stdin.resume() // that undici waits to reconnect does not keep Node running; this does
