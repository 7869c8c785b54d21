// What the scripts share: to print a line of JSON, and to take the lines on stdin as commands.
import { createInterface } from 'node:readline'

export const see = (what, more) => process.stdout.write(JSON.stringify({ see: what, ...more }) + '\n')

export const onCommand = (obey) =>
  createInterface({ input: process.stdin }).on('line', (line) => obey(JSON.parse(line)))

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
