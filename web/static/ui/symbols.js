/**
 * What cannot be seen gets a symbol. Among bytes it is a short name, since few fonts have the pictures that Unicode has
 * for control characters; in running text it is an escape.
 */
const controls = ('NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC ' +
  'FS GS RS US').split(' ');
const names = new Map([
  ...controls.map((name, code) => [code, name]), [0x7f, 'DEL'], [0x85, 'NEL'], [0xa0, 'NBSP'], [0xad, 'SHY'],
  [0x200b, 'ZWSP'], [0x200c, 'ZWNJ'], [0x200d, 'ZWJ'], [0x200e, 'LRM'], [0x200f, 'RLM'], [0x2028, 'LS'], [0x2029, 'PS'],
  [0x2060, 'WJ'], [0xfe0e, 'VS15'], [0xfe0f, 'VS16'], [0xfeff, 'BOM'],
]);
const escapes = new Map([[0, '\\0'], [9, '\\t'], [10, '\\n'], [13, '\\r']]);

/**
 * symbol returns how a character is shown among bytes, and whether that is the character ('') or stands for it: 'space',
 * or 'name' for a name.
 */
export function symbol(code) {
  if (code === 0x20) return { text: '·', as: 'space' };
  if (names.has(code)) return { text: names.get(code), as: 'name' };
  const text = String.fromCodePoint(code);
  if (/\p{M}/u.test(text)) return { text: `\u25cc${text}`, as: '' }; // it needs something to stand on
  if (/[\p{C}\p{Z}]/u.test(text)) return { text: hex(code, 4), as: 'name' };
  return { text, as: '' };
}

/** visible returns a text with escapes for what would not be seen; spaces stay. */
export function visible(text) {
  return text.replace(/[^\P{C}\u200c\u200d]|[\u2028\u2029\u00a0]/gu, (character) => {
    const code = character.codePointAt(0);
    return escapes.get(code) ?? (code < 0x100 ? `\\x${hex(code).toLowerCase()}` : `\\u{${hex(code, 4).toLowerCase()}}`);
  });
}

/** hex writes a number in hexadecimal, in at least so many digits. */
export function hex(value, digits = 2) {
  return value.toString(16).padStart(digits, '0').toUpperCase();
}

/** excerpt is the beginning of a text, visible. */
export function excerpt(text, most) {
  const characters = Array.from(text.slice(0, 2 * most));
  const cut = characters.length > most || text.length > 2 * most;
  return visible(cut ? `${characters.slice(0, most).join('')}…` : text);
}

/** written returns bytes in a form for elsewhere: 'hex', 'text' or 'c', a string literal. */
export function written(bytes, format) {
  if (format === 'text') return new TextDecoder().decode(bytes);
  if (format === 'hex') return Array.from(bytes, (byte) => hex(byte).toLowerCase()).join(' ');
  const escapes = { 0x22: '\\"', 0x5c: '\\\\', 0x0a: '\\n', 0x0d: '\\r', 0x09: '\\t', 0x3f: '\\?' };
  // Octal: a hexadecimal escape would swallow the digits behind it.
  const literal = Array.from(bytes, (byte) => escapes[byte]
    ?? (byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte))).join('');
  return `"${literal.replace(/\\n(?=.)/g, '\\n"\n"')}"`;
}
