// HTTP streaming (RFC 6202, 3): one body, read while it grows; a line is an event. What is cut off stays cut off.
const response = await fetch('/httpstream', { cache: 'no-store' });
const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
for (let rest = ''; ;) {
  const { value, done } = await reader.read();
  if (done) break;
  const lines = (rest + value).split('\n');
  rest = lines.pop(); // perhaps half a line: chunks end anywhere
  for (const line of lines) {
    const row = document.createElement('li');
    row.textContent = line;
    document.querySelector('#events').prepend(row);
  }
}
