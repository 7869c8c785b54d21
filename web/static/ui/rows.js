/**
 * Rows of bytes: where each begins, how high it is, and which one is where. A model only, without a page.
 *
 * A row has so many bytes, or, as text, so many columns at most and one line. What is said below a row makes it higher.
 */
import { binary } from './characters.js';

export class Rows {
  /** Where each row begins, in bytes; one more for the end. */
  starts;
  /** Where it is, in pixels; one more for the end. */
  tops;

  /**
   * characters tell what begins where; as is 'text' or not; per is how many bytes, columns how many characters fit;
   * notes are { at, … } of which each takes a line.
   */
  constructor(characters, { as, per, columns, notes, height, noteHeight }) {
    const starts = as === 'text' ? textRows(characters, columns) : Array.from({ length: Math.ceil(characters.bytes.length / per) }, (_, i) => i * per);
    this.starts = Uint32Array.from([...starts, characters.bytes.length]);
    this.notes = new Map();
    for (const note of notes) {
      const row = this.of(note.at);
      if (!this.notes.has(row)) this.notes.set(row, []);
      this.notes.get(row).push(note);
    }
    this.tops = new Float64Array(starts.length + 1);
    for (let row = 0; row < starts.length; row++) {
      this.tops[row + 1] = this.tops[row] + Math.round(height + noteHeight * (this.notes.get(row)?.length ?? 0));
    }
  }

  get length() { return this.starts.length - 1; }

  /** height is that of all rows. */
  get height() { return this.tops[this.length]; }

  /** of returns the row of a byte, at the row at a height. */
  of(i) { return last(this.starts, this.length, i); }
  at(y) { return last(this.tops, this.length, y); }
}

/** last returns the last of the first n that is not greater than value. */
function last(sorted, n, value) {
  let low = 0;
  let high = Math.max(0, n - 1);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sorted[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** textRows begins a row at the beginning of each line, and where no more fits. */
function textRows({ bytes, size, code, sort }, columns) {
  const starts = [];
  let column = columns;
  for (let i = 0; i < bytes.length; i++) {
    if (size[i] === 0) continue;
    const width = code[i] > 0x2e7f ? 2 : 1; // of most characters of East Asia, and of emoji
    if (column + width > columns) {
      starts.push(i);
      column = 0;
    }
    column += width;
    if (sort[i] !== binary && (code[i] === 0x0a || code[i] === 0x0d && bytes[i + 1] !== 0x0a)) column = columns;
  }
  return starts;
}
