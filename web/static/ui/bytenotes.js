/** What is worth saying among the bytes. */
import { t } from '../text.js';

/** notes are what is worth saying among the bytes: where something begins or ends that nobody would see. */
export function* notes(parts) {
  const { offset, dir } = parts.record;
  if (parts.records === 1 && offset > parts.from && offset < parts.to) yield { at: offset - parts.from, text: t(dir === 'up' ? 'detail.note.read' : 'detail.note.write') };
  for (const part of parts.all) {
    const { kind, text, masked } = part.span;
    const at = part.start - parts.from;
    if (part.bits || at < 0 || at >= parts.bytes.length) continue;
    if (part.wrong) yield { at, text: part.wrong, bad: true, sign: '✗' };
    switch (kind) {
      case 'chunk-size': {
        const n = parseInt(text, 16);
        yield { at, role: 'framing', text: n ? t('detail.note.chunk', { n }) : t('detail.note.last-chunk') };
        break;
      }
      case 'head-end':
        yield { at, role: 'head', text: t('detail.note.head-end') };
        break;
      case 'sse-dispatch':
        yield { at, role: 'framing', text: t(dispatches(part.parent) ? 'detail.note.dispatch' : 'detail.note.no-dispatch') };
        break;
      case 'sse-bom':
        yield { at, role: 'framing', text: t('detail.note.bom') };
        break;
      case 'line-end':
        if (part.parent?.span.kind === 'ndjson-line') yield { at, role: 'framing', text: t('detail.note.line') };
        break;
      case 'frame-first': {
        const frame = part.parent;
        const header = frame.children.filter(({ span }) => span.kind.startsWith('frame-') && !/text|binary|application|compressed|close/.test(span.kind))
          .reduce((n, { length }) => n + length, 0);
        yield { at, role: 'framing', text: t('detail.note.frame', { what: frame.name, n: frame.length - header }) };
        break;
      }
      case 'frame-key':
        yield { at, role: 'framing', text: t('detail.note.key') };
        break;
      default:
        if (masked) yield { at, text: t('detail.note.secret') };
    }
  }
}

/** dispatches tells whether an event of an event stream has data; a part of one may have had it before. */
function dispatches(event) {
  return Boolean(event?.span.part) || event?.children.some(({ span }) => span.explain === 'sse/data');
}
