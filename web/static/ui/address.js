/** The address of a moment: #lesson=3&at=12345&item=17.0 says which lesson, what time of the lab, what was chosen. */

/** readHash returns the part of the view that an address names. Without moment the lesson only. */
export function readHash(hash, { moment = true } = {}) {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const view = {};
  const lesson = Number(fields.get('lesson'));
  if (fields.has('lesson')) view.lesson = Number.isInteger(lesson) && lesson > 0 ? lesson : null;
  if (!moment) return view;
  const at = Number(fields.get('at'));
  if (fields.has('at') && Number.isFinite(at)) Object.assign(view, { end: at, paused: true });
  if (fields.has('item')) view.selected = fields.get('item') || null;
  return view;
}

/** hash writes the address of a view. */
export function hash({ lesson, end, selected }) {
  const fields = [];
  if (lesson) fields.push(`lesson=${lesson}`);
  if (end !== null) fields.push(`at=${Math.round(end)}`);
  if (selected) fields.push(`item=${encodeURIComponent(selected)}`);
  return fields.length ? `#${fields.join('&')}` : '';
}

let timer;

/** writeHash puts it where it can be copied, at most four times a second: browsers allow no more than that for long. */
export function writeHash(view) {
  timer ??= setTimeout(() => {
    timer = undefined;
    history.replaceState(null, '', hash(view) || location.pathname + location.search);
  }, 250);
}
