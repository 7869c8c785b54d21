/**
 * The text of a fault, as the server reads it: parts with commas between them, such as "delay=50ms,down:stall". Setting
 * a fault replaces the whole of it, so the page takes the text apart, changes a part, and puts it together again.
 */

/** parse returns a Map from the name of each part, direction included, to its value; flags have the value ''. */
export function parse(text) {
  const parts = new Map();
  if (!text || text === 'none') return parts;
  for (const item of text.split(',')) {
    const equals = item.indexOf('=');
    if (equals < 0) parts.set(item.trim(), '');
    else parts.set(item.slice(0, equals).trim(), item.slice(equals + 1).trim());
  }
  return parts;
}

/** format is the inverse of parse. */
export function format(parts) {
  return [...parts].map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join(',');
}

/** change returns the text with some parts set, or taken away by undefined. */
export function change(text, patch) {
  const parts = parse(text);
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) parts.delete(name);
    else parts.set(name, value);
  }
  return format(parts);
}

/** without returns the text without the parts whose name the function picks. */
export function without(text, picks) {
  return format(new Map([...parse(text)].filter(([name]) => !picks(name))));
}

/** faultCommands are what to send so that each lane has its text: one command, if all have the same. */
export function faultCommands(texts) {
  const lanes = Object.keys(texts);
  if (new Set(Object.values(texts)).size === 1) return [{ lane: 'all', set: texts[lanes[0]] || 'none' }];
  return lanes.map((lane) => ({ lane, set: texts[lane] || 'none' }));
}

/** milliseconds reads a time such as 150ms, 1.5s or 1m30s. */
export function milliseconds(text = '') {
  const units = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  let sum = 0;
  for (const [, n, unit] of text.split('±')[0].matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) sum += n * units[unit];
  return sum;
}
