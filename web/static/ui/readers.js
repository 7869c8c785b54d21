/** Two readers of lines of JSON that come in pieces: the one that everybody writes first, and the right one. */

/** Naive takes each piece for whole characters and whole lines. */
export class Naive {
  lines = []; // { text, ok }

  feed(bytes) {
    for (const text of new TextDecoder().decode(bytes).split('\n')) if (text) this.lines.push({ text, ok: isJSON(text) });
  }
}

/** Right keeps what is not complete: the decoder the bytes of a character, itself the beginning of a line. */
export class Right {
  lines = [];
  #decoder = new TextDecoder();
  #rest = '';

  feed(bytes) {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop();
    for (const text of lines) if (text) this.lines.push({ text, ok: isJSON(text) });
  }
}

function isJSON(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** pieces cuts bytes into pieces of a size. */
export function pieces(bytes, size) {
  const list = [];
  for (let i = 0; i < bytes.length; i += size) list.push(bytes.subarray(i, i + size));
  return list;
}

/** cutCharacter returns the first character that a cut between pieces is inside of: { character, n }, or undefined. */
export function cutCharacter(bytes, size) {
  for (let i = size; i < bytes.length; i += size) {
    if ((bytes[i] & 0xc0) !== 0x80) continue;
    let start = i;
    while (start > 0 && (bytes[start] & 0xc0) === 0x80) start--;
    let end = i;
    while (end < bytes.length && (bytes[end] & 0xc0) === 0x80) end++;
    return { character: new TextDecoder().decode(bytes.subarray(start, end)), n: end - start };
  }
  return undefined;
}
