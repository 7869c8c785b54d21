/**
 * The characters in a record's bytes: which byte begins one, and how many bytes it takes.
 *
 * UTF-8 is read part by part, since where a part ends another meaning begins. A character that the end of a part cuts in
 * two, as the end of a chunk may, is no mistake; a byte that cannot be UTF-8 is one.
 */

/** Bytes that are no text, whatever they look like. */
const noText = new Set([
  'frame-first', 'frame-second', 'frame-length16', 'frame-length64', 'frame-key', 'frame-binary', 'frame-compressed',
  'frame-close-code', 'content-coded', 'tls', 'tls-type', 'tls-version', 'tls-length', 'tls-data',
]);

export const text = 0;
export const cut = 1; // part of a character whose rest is elsewhere
export const wrong = 2; // not UTF-8
export const binary = 3; // not meant to be text

export class Characters {
  /**
   * bytes may be those of parts, or the same without their masks; masked tells whether the masks are on, so that what
   * lies under them is no text.
   */
  constructor(parts, bytes = parts.bytes, masked = parts.masks.length > 0) {
    const { length } = bytes;
    /** How many bytes the character takes that begins there; 0 inside of one. */
    this.size = new Uint8Array(length).fill(1);
    this.code = new Uint32Array(length);
    this.sort = new Uint8Array(length);
    this.bytes = bytes;

    let done = 0;
    for (const leaf of parts.leaves) {
      const start = Math.max(0, leaf.start - parts.from);
      const end = Math.min(length, leaf.end - parts.from);
      if (end <= start) continue;
      this.#read(done, start, {});
      const mask = masked && parts.masks.some((one) => leaf.start < one.end && leaf.end > one.start);
      if (mask || noText.has(leaf.span.kind)) this.#mark(start, end, binary);
      else this.#read(start, end, joins(leaf, parts));
      done = end;
    }
    this.#read(done, length, { after: true });
  }

  #mark(start, end, sort) {
    for (let i = start; i < end; i++) {
      this.size[i] = 1;
      this.code[i] = this.bytes[i];
      this.sort[i] = sort;
    }
  }

  #read(start, end, { before, after }) {
    const { bytes } = this;
    let i = start;
    if (before) {
      while (i < end && i - start < 3 && (bytes[i] & 0xc0) === 0x80) i++;
      this.#mark(start, i, cut);
    }
    while (i < end) {
      const { size, code } = decode(bytes, i, end);
      if (code >= 0) {
        this.size.fill(0, i, i + size);
        this.size[i] = size;
        this.code[i] = code;
      } else {
        this.#mark(i, i + size, code === unfinished && after ? cut : wrong);
      }
      i += size;
    }
  }

  /** begins returns where the character begins that has that byte. */
  begins(i) {
    while (i > 0 && this.size[i] === 0) i--;
    return i;
  }
}

/** joins says whether a character may be cut at the beginning or the end of a leaf, since it goes on elsewhere. */
function joins({ span, parent }, parts) {
  let before = span.part === 'middle' || span.part === 'last';
  let after = span.part === 'first' || span.part === 'middle';
  const frame = span.kind === 'frame-text' && parts.frameOf(parent);
  if (frame) { // a fragment of a message may end anywhere: RFC 6455, section 5.4
    before ||= frame.span.explain === 'opcode/continuation';
    after ||= frame.children[0]?.span.text?.startsWith('0');
  }
  return { before, after };
}

const invalid = -1;
const unfinished = -2;

/**
 * decode reads one character: WHATWG Encoding, 8.1.1. What is no character is as long as a decoder replaces by one
 * U+FFFD.
 */
function decode(bytes, i, end) {
  const first = bytes[i];
  if (first < 0x80) return { size: 1, code: first };
  if (first < 0xc2 || first > 0xf4) return { size: 1, code: invalid };
  const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  let code = first & (0x7f >> size);
  for (let n = 1; n < size; n++) {
    if (i + n === end) return { size: n, code: unfinished };
    const next = bytes[i + n];
    let low = 0x80;
    let high = 0xbf;
    if (n === 1) {
      if (first === 0xe0) low = 0xa0;
      else if (first === 0xed) high = 0x9f;
      else if (first === 0xf0) low = 0x90;
      else if (first === 0xf4) high = 0x8f;
    }
    if (next < low || next > high) return { size: n, code: invalid };
    code = code << 6 | next & 0x3f;
  }
  return { size, code };
}
