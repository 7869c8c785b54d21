// node longpoll.mjs URL AFTER [WAIT]
// Polls by undici's fetch.
import { fetch } from 'undici'
import { pause, see } from './lines.mjs'

let [url, after, wait = 25] = process.argv.slice(2)

for (;;) {
  try {
    const response = await fetch(`${url}?after=${after}`, { headers: { Prefer: `wait=${wait}` } })
    const data = await response.text()
    const header = (name) => response.headers.get(name)
    see('answer', { code: response.status, applied: header('Preference-Applied'), data })
    after = data ? JSON.parse(data).cursor : header('Pushlab-Cursor')
    if (header('Retry-After')) {
      see('end')
      await pause(header('Retry-After') * 1000)
    }
  } catch {
    see('lost')
    await pause(10)
  }
}
