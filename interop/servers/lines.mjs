// What the scripts share: to print a line of JSON, and to say where a server listens.
export const see = (what, more) => process.stdout.write(JSON.stringify({ see: what, ...more }) + '\n')

export const listen = (server, scheme) =>
  server.listen(0, '127.0.0.1', () => see('listening', { url: `${scheme}://127.0.0.1:${server.address().port}` }))

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
