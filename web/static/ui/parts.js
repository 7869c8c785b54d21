/**
 * The parts of a record: its trees of spans, ready to be looked up by place, with their bytes.
 *
 * The tap tells what each byte is (package common/tap): a tree of spans, whose leaves cover every byte once. A span with
 * bits shares its byte with its siblings, so the leaf is then the span above.
 */

/** A Part is a span, and where it stands. */
class Part {
  #role;

  constructor(span, parent, kinds) {
    this.span = span;
    this.parent = parent;
    this.depth = parent ? parent.depth + 1 : 0;
    this.start = span.start;
    this.end = span.start + span.length;
    this.children = [];
    this.kind = kinds.get(span.kind) ?? { key: span.kind, label: span.kind, text: '' };
    /** The better explanation, if there is one. */
    this.entry = kinds.get(span.explain) ?? this.kind;
  }

  get leaf() { return !this.bits && this.children.every((child) => child.bits); }

  /** bits says which bits of its byte are meant, such as '1.......'. */
  get bits() { return this.span.bits; }

  get length() { return this.end - this.start; }

  /** role is what its bytes are there for; '' where its parts differ. */
  get role() {
    if (this.bits) return this.parent.role;
    this.#role ??= this.leaf ? this.kind.role || 'opaque' : this.children.reduce((role, child) => (role === child.role ? role : ''), this.children[0].role);
    return this.#role;
  }

  get wrong() { return this.span.wrong; }

  /** name says what it is. What holds others is named by what it means: 'id field' tells more than 'field'. */
  get name() {
    if (this.span.kind === 'frame' && this.entry !== this.kind) return `${this.entry.label} ${this.kind.label}`;
    if (this.span.kind === 'field' && this.entry === this.kind) return this.span.label || this.kind.label; // one without an explanation
    return this.leaf || this.bits ? this.kind.label : this.entry.label;
  }

  /** value is what its bytes say; undefined where that is for its parts to say. */
  get value() {
    if (this.bits) return this.bits;
    return this.leaf ? this.span.text : undefined;
  }

  /** note is what the tap has to say about this one, if that is more than its name. */
  get note() {
    const { label } = this.span;
    return label && ![this.name, this.kind.label, this.entry.label].some((name) => name.includes(label)) ? label : '';
  }

  /** within tells whether it lies in another one, or is it. */
  within(other) {
    for (let part = this; part; part = part.parent) if (part === other) return true;
    return false;
  }
}

/** Parts are all parts of a record. */
export class Parts {
  #masks;
  /** Every part, in the order of reading: each before its children. */
  all = [];
  roots = [];
  /** Those that cover every byte once, in order. */
  leaves = [];
  /** How many records these are of. */
  records = 1;

  /**
   * record is one of the tap; bytes are those from offset from on, which may begin before the record, since what it
   * has completed may have begun before.
   */
  constructor({ record, from = record.offset ?? 0, bytes }, kinds) {
    this.record = record;
    this.from = from;
    this.bytes = bytes;
    this.to = from + bytes.length;
    const add = (span, parent) => {
      const part = new Part(span, parent, kinds);
      part.index = this.all.push(part) - 1;
      for (const child of span.children ?? []) part.children.push(add(child, part));
      return part;
    };
    // What a record completes in the other direction, as an answer to a handshake does, has its bytes elsewhere.
    const spans = (record.spans ?? []).filter(({ dir }) => !dir || !record.dir || dir === record.dir);
    this.roots = spans.map((span) => add(span, undefined));
    this.leaves = this.all.filter((part) => part.leaf && part.length > 0).sort((a, b) => a.start - b.start);
  }

  /** at returns the leaf of a byte; undefined if nothing is known of it yet. */
  at(offset) {
    let low = 0;
    let high = this.leaves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.leaves[middle].end <= offset) low = middle + 1;
      else high = middle;
    }
    const leaf = this.leaves[low];
    return leaf && leaf.start <= offset ? leaf : undefined;
  }

  /** covering returns the smallest part that has all these bytes; of several the innermost. */
  covering(start, end) {
    let best;
    for (const part of this.all) {
      if (part.bits || part.start > start || part.end < end) continue;
      if (!best || part.length <= best.length) best = part;
    }
    return best;
  }

  /** cost counts the bytes from start to end by role. */
  cost(start = this.from, end = this.to) {
    const cost = { head: 0, framing: 0, payload: 0, opaque: 0 };
    for (const leaf of this.leaves) {
      const n = Math.min(leaf.end, end) - Math.max(leaf.start, start);
      if (n > 0) cost[leaf.role] += n;
    }
    return cost;
  }

  /** of makes Parts of what the lab says about a record. */
  static of({ record, from, bytes }, kinds) {
    return new Parts({ record, from, bytes: Uint8Array.from(atob(bytes ?? ''), (character) => character.charCodeAt(0)) }, kinds);
  }

  /** join makes Parts of several records of one direction that follow each other. */
  static join(answers, kinds) {
    const list = answers.map((answer) => Parts.of(answer, kinds)).sort((a, b) => a.from - b.from);
    const from = list[0].from;
    const bytes = new Uint8Array(Math.max(...list.map(({ to }) => to)) - from);
    for (const parts of list) bytes.set(parts.bytes, parts.from - from);
    const record = { ...list[0].record, offset: from, n: bytes.length, spans: list.flatMap((parts) => parts.record.spans ?? []), messages: list.flatMap((parts) => parts.record.messages ?? []) };
    return Object.assign(new Parts({ record, from, bytes }, kinds), { records: list.length });
  }

  slice({ start, end }) {
    return this.bytes.subarray(Math.max(0, start - this.from), Math.max(0, end - this.from));
  }

  /**
   * masks are the masked payloads: from where to where, under which key, and with which byte of it they begin. Of a
   * frame in several trees only the first has the key.
   */
  get masks() {
    if (this.#masks) return this.#masks;
    const masks = this.#masks = [];
    let last;
    for (const root of this.roots) {
      if (root.span.kind !== 'frame') continue;
      const key = root.children.find(({ span }) => span.kind === 'frame-key');
      if (key) last = { frame: root, key: this.slice(key), start: key.end, end: root.end, turn: 0 };
      else if (last && root.start === last.end && /^(middle|last)$/.test(root.span.part)) {
        last = { ...last, frame: root, start: root.start, end: root.end, turn: (last.turn + last.end - last.start) % 4 };
      } else last = undefined;
      if (last && last.end > last.start) masks.push(last);
    }
    return masks;
  }

  /** unmasked returns the bytes with all masks taken off. */
  unmasked() {
    const bytes = this.bytes.slice();
    for (const { key, start, end, turn } of this.masks) {
      for (let at = Math.max(start, this.from); at < Math.min(end, this.to); at++) {
        bytes[at - this.from] ^= key[(turn + at - start) % 4];
      }
    }
    return bytes;
  }

  /** frameOf returns the frame that a part belongs to, if it does. */
  frameOf(part) {
    while (part && part.span.kind !== 'frame') part = part.parent;
    return part;
  }
}
