// node httpstream.mjs URL AFTER
// Reads NDJSON by undici's fetch, and resumes whenever the answer ends.
import { fetch } from 'undici'
import { pause, see } from './lines.mjs'

let [url, after] = process.argv.slice(2)
let retry = 10

for (;; await pause(retry)) {
  try {
    const response = await fetch(`${url}?after=${after}`)
    see('open', { status: response.status, cursor: response.headers.get('Pushlab-Cursor') })
    let text = ''
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split('\n')
      text = lines.pop() // a line that is not complete yet
      for (const data of lines) {
        const { id, topic, data: value } = JSON.parse(data)
        after = id
        if (topic === '$bye') retry = value.retry
        see('event', { data })
      }
    }
    see('end')
  } catch {
    see('lost')
  }
}
