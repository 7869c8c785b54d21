/**
 * What moment is looked at, and how to get to another one: the same from the timeline, its controls and the log.
 * view.end is the newest time that is shown, null while that is the present.
 */
export const spans = [5_000, 10_000, 30_000, 60_000, 300_000];
const shortest = 20; // ms

/** now is the newest time there is. Of a trace that was saved that is where it ends. */
export function now(app) {
  return app.trace.live ? app.lab.now() - lag(app) : app.trace.now;
}

const late = 1000; // ms by which the news may be behind the clock: less does not show
const news = new WeakMap(); // trace → { of: the time up to which it was told, behind: how old that was }

/**
 * lag is how far what the page is told is behind, if that is much: where a machine has more to do than it can, the news
 * of the lab waits. A picture of the present would then be empty. A lab in which nothing happens is silent, so it is
 * measured when news comes.
 */
export function lag({ trace, lab }) {
  if (!trace.live) return 0;
  const behind = Math.max(0, lab.now() - trace.now);
  const last = news.get(trace);
  if (!last) news.set(trace, { of: trace.now, behind: 0 });
  else if (last.of !== trace.now) Object.assign(last, { of: trace.now, behind: last.behind + (behind - last.behind) * 0.25 });
  return last?.behind > late ? last.behind : 0;
}

/** endOf is the newest time that is shown. */
export function endOf(app) {
  return app.view.paused ? app.view.end ?? now(app) : now(app);
}

/** pause stops the picture, at a time or as it is. */
export function pause(app, end = endOf(app)) {
  const newest = now(app);
  const oldest = Math.min(newest, app.trace.start + app.view.span / 2);
  app.set({ paused: true, end: Math.min(newest, Math.max(oldest, end)) });
}

/** live goes on with the present. A saved trace has none, so it goes to its end. */
export function live(app) {
  if (app.trace.live) app.set({ paused: false, end: null });
  else pause(app, now(app));
}

export function toggle(app) {
  if (app.view.paused && app.trace.live) live(app);
  else pause(app);
}

/** zoom shows a longer or shorter time, and leaves that at a share of the picture, from above, where it is. */
export function zoom(app, factor, share = app.view.paused ? 0.5 : 0) {
  const { span, paused } = app.view;
  const next = Math.min(spans.at(-1), Math.max(paused ? shortest : 500, span * factor));
  const patch = { span: next };
  if (paused) patch.end = Math.min(now(app), endOf(app) - share * span + share * next);
  app.set(patch);
}

/** show selects an item, and moves the picture if it is not to be seen. */
export function show(app, item) {
  const { span } = app.view;
  const end = endOf(app);
  if (!app.view.paused || item.at > end - span * 0.03 || item.at < end - span * 0.97) pause(app, seen(app, item, end));
  app.set({ selected: item.ref });
}

function seen(app, { at }, end) {
  const { span } = app.view;
  return at <= end - span * 0.03 && at >= end - span * 0.97 ? end : at + span / 2;
}

/** step selects the next item in time; by is -1 for the one before. */
export function step(app, by) {
  const item = app.trace.step(app.view.selected, by, app.view.lanes);
  if (item) show(app, item);
  return item;
}
