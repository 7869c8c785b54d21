/**
 * Event streams written by hand: escapes, classic mistakes, and the rules of the specification that a stream calls for.
 * A model only, without a page.
 */

const clause = (section, anchor) => ({ section, url: `https://html.spec.whatwg.org/multipage/server-sent-events.html#${anchor}` });
const intro = clause('9.2.1', 'server-sent-events-intro');
const fetching = clause('9.2.2', 'the-eventsource-interface');
const parsing = clause('9.2.5', 'parsing-an-event-stream');
const meaning = clause('9.2.6', 'event-stream-interpretation');

/** Each rule, and where it stands. */
export const rules = {
  'no-content': intro, 'bad-status': fetching, 'wrong-type': fetching,
  'bad-utf8': meaning, bom: parsing, 'late-bom': parsing, 'line-ends': parsing, cr: parsing,
  comment: parsing, 'no-colon': meaning, 'no-space': meaning, 'two-spaces': meaning, unknown: meaning,
  'nul-id': meaning, 'bad-retry': meaning, retry: meaning,
  'two-data': meaning, 'empty-data': meaning, 'no-data': meaning, 'id-stays': meaning, 'no-blank': meaning,
};

const type = 'text/event-stream';

/** presets are streams as one writes them here, with escapes. */
export const presets = {
  good: { raw: 'id: 1\nevent: greeting\nretry: 2000\ndata: Hello\n\n' },
  'no-blank': { raw: 'data: first\n\ndata: second, without an end\n' },
  'nul-id': { raw: 'id: 7\ndata: one\n\nid: a\\0b\ndata: two\n\n' },
  'bad-utf8': { raw: 'data: Gr\\xFC\\xDFe, in Latin-1\n\n' },
  'line-ends': { raw: 'id: 1\\r\ndata: one\\r\\\ndata: two\n\\r\\\ndata: three\\r\\rdata: four\n\n' },
  bom: { raw: '\\xEF\\xBB\\xBFdata: with a mark\n\n\\u{FEFF}data: with another\n\n' },
  'two-data': { raw: 'data: first line\ndata: second line\n\n' },
  'no-space': { raw: 'data:none\n\ndata: one\n\ndata:  two\n\n' },
  unknown: { raw: 'Data: upper case\nname: nobody knows it\ndata: known\n\n' },
  'bad-retry': { raw: 'retry: 5s\ndata: ignored\n\nretry: 5000\ndata: taken\n\n' },
  comment: { raw: ': nobody sees this\n\n' },
  'no-data': { raw: 'id: 8\nevent: alarm\n\ndata: this is no alarm\n\n' },
  'wrong-type': { raw: 'data: never read\n\n', type: 'text/plain' },
  'no-content': { raw: '', status: 204 },
};
for (const preset of Object.values(presets)) Object.assign(preset, { type, status: 200, ...preset });

/**
 * unescape turns what was written into bytes: \n \r \t \0 \\ \xFF \u{1F642}; a backslash at the end of a line takes the
 * line end away. It throws for anything else behind a backslash.
 */
export function unescape(text) {
  const bytes = [];
  const encoder = new TextEncoder();
  const single = { n: 10, r: 13, t: 9, 0: 0, '\\': 92 };
  const pattern = /\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|([nrt0\\])|(\n))|[^\\]+|\\[^]?/gu;
  for (const [whole, byte, code, letter, lineEnd] of text.replaceAll('\r\n', '\n').matchAll(pattern)) {
    if (byte) bytes.push(parseInt(byte, 16));
    else if (code && parseInt(code, 16) <= 0x10ffff) bytes.push(...encoder.encode(String.fromCodePoint(parseInt(code, 16))));
    else if (letter) bytes.push(single[letter]);
    else if (lineEnd) continue;
    else if (whole.startsWith('\\')) throw new Error(whole);
    else for (const one of encoder.encode(whole)) bytes.push(one);
  }
  return Uint8Array.from(bytes);
}

/** fromFields writes the stream that fields make: one event. */
export function fromFields({ id, event, retry, comment, data, blank }) {
  const lines = [];
  if (comment) lines.push(...comment.split('\n').map((line) => `: ${line}`));
  if (retry) lines.push(`retry: ${retry}`);
  if (id) lines.push(`id: ${id}`);
  if (event) lines.push(`event: ${event}`);
  if (data) lines.push(...data.split('\n').map((line) => `data: ${line}`));
  return lines.map((line) => `${line}\n`).join('') + (blank ? '\n' : '');
}

/** examine returns the names of the rules that explain what becomes of a stream. */
export function examine(bytes, { type: mediaType = type, status = 200 } = {}) {
  const found = new Set();
  if (status === 204) return ['no-content'];
  if (status !== 200) return ['bad-status'];
  if (!/^text\/event-stream\s*(;|$)/i.test(mediaType)) return ['wrong-type'];

  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    found.add('bad-utf8');
  }
  let text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  if (text.startsWith('\uFEFF')) {
    found.add('bom');
    text = text.slice(1);
  }
  const ends = new Set(text.match(/\r\n|\r|\n/g));
  if (ends.size > 1) found.add('line-ends');
  else if (ends.has('\r')) found.add('cr');

  const lines = text.split(/\r\n|\r|\n/);
  const rest = lines.pop();
  let block = { lines: 0, data: [], id: false, event: false };
  let lastId = '';
  for (const line of lines) {
    if (line === '') {
      if (block.data.length > 1) found.add('two-data');
      if (block.data.length === 1 && block.data[0] === '') found.add('empty-data');
      if (!block.data.length && (block.id || block.event)) found.add('no-data');
      if (block.data.length && !block.id && lastId) found.add('id-stays');
      block = { lines: 0, data: [], id: false, event: false };
      continue;
    }
    block.lines++;
    const colon = line.indexOf(':');
    if (colon === 0) {
      found.add('comment');
      continue;
    }
    if (line.startsWith('\uFEFF')) found.add('late-bom');
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (colon < 0) found.add('no-colon');
    else if (value.startsWith('  ')) found.add('two-spaces');
    else if (value && !value.startsWith(' ')) found.add('no-space');
    value = value.replace(/^ /, '');
    if (name === 'data') block.data.push(value);
    else if (name === 'event') block.event = true;
    else if (name === 'retry') found.add(/^[0-9]+$/.test(value) ? 'retry' : 'bad-retry');
    else if (name === 'id') {
      if (value.includes('\0')) {
        found.add('nul-id');
      } else {
        block.id = true;
        lastId = value;
      }
    } else if (!line.startsWith('\uFEFF')) found.add('unknown');
  }
  if (rest !== '' || block.lines) found.add('no-blank');
  return Object.keys(rules).filter((name) => found.has(name));
}
