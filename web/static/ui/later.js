/**
 * The parts that come late (late.js). Each is a custom element that its module defines; until then it stands in the page
 * undefined, and has no app.
 *
 *   load        what it takes
 *   needed      view → whether it is, near or not
 *   far         it is in sight from the beginning, and comes only when it is needed
 *   paper       it is printed
 *   hint        a selector of controls that will need it: whoever is about to press one of them need not wait
 */
import { load } from '../text.js';
import { failed, missing, ready, style, waits, whenNear } from './late.js';

const parts = {
  lesson: {
    load: () => [import('./lesson.js'), load('lessons'), style(new URL('lesson.css', import.meta.url))],
    needed: ({ lesson }) => lesson,
    far: true,
    hint: 'push-lesson :is(a, button), .lessons button',
  },
  faults: {
    load: () => [import('./faults.js'), load('shell.faults'), load('shell.streams'), style(new URL('faults.css', import.meta.url))],
    needed: ({ breaking }) => breaking,
    far: true,
    hint: 'push-toolbar .break',
  },
  detail: {
    load: () => [import('./detail.js'), load('detail'), style(new URL('detail.css', import.meta.url)), style(new URL('bytes.css', import.meta.url))],
    needed: ({ selected }) => selected,
    paper: true,
  },
  cost: { load: () => [import('./cost.js'), load('trace.cost'), style(new URL('cost.css', import.meta.url))], paper: true },
  log: { load: () => [import('./log.js'), load('trace.log'), style(new URL('log.css', import.meta.url))], paper: true },
  server: { load: () => [import('./server.js'), load('shell.server'), style(new URL('server.css', import.meta.url))], paper: true },
  publish: { load: () => [import('./publish.js'), load('shell.publish'), style(new URL('publish.css', import.meta.url))] },
  share: { load: () => [import('./share.js'), load('shell.share'), style(new URL('share.css', import.meta.url))] },
};

const fetched = new Map(); // name → promise of what it takes
const shown = new Map(); // name → promise of the element, working; undefined if that failed

/** watch has the parts come when it is time. */
export function watch(app) {
  for (const [name, { needed, far, hint }] of Object.entries(parts)) {
    const element = document.querySelector(`push-${name}`);
    if (!far) whenNear(element, () => need(app, name));
    if (needed) {
      const look = () => needed(app.view) && need(app, name);
      app.addEventListener('view', look);
      look();
    }
    if (hint) {
      const prepare = ({ target }) => target.closest?.(hint) && fetchPart(name).catch(() => {}); // it says so when it is needed
      for (const type of ['pointerover', 'focusin']) document.addEventListener(type, prepare, { passive: true });
    }
  }
  // Who prints wants all of it. A browser that prints waits for nobody: what comes too late is there the next time.
  addEventListener('beforeprint', () => {
    for (const [name, { paper }] of Object.entries(parts)) {
      if (!paper) continue;
      need(app, name);
      missing(document.querySelector(`push-${name}`));
    }
    const code = document.querySelector('push-code');
    code.view();
    missing(code);
  });
}

/** need promises a part, and loads it now if it must. */
export function need(app, name) {
  if (!shown.has(name)) shown.set(name, show(app, name));
  return shown.get(name);
}

async function show(app, name) {
  const element = document.querySelector(`push-${name}`);
  try {
    waits(element);
    await fetchPart(name);
    const focused = element.contains(document.activeElement); // on what stood there until now
    ready(element);
    element.app = app;
    if (focused) element.querySelector('h2')?.focus();
    return element;
  } catch (error) {
    fetched.delete(name);
    shown.delete(name); // it may come the next time
    failed(element, error);
    if (parts[name].far) app.notice('bad', element.textContent); // it may not be in sight
    return undefined;
  }
}

function fetchPart(name) {
  if (!fetched.has(name)) fetched.set(name, Promise.all(parts[name].load()));
  return fetched.get(name);
}
