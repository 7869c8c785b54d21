/**
 * The page begins here: words, a lab, the parts, and the lanes.
 *
 * Each part is a custom element in a module of its own, and gets the App. A part that does not work says so in its place;
 * the others go on. Here are those of the first view; ui/later.js has those that come when they are needed.
 */
import { load, t } from './text.js';
import { Lab } from './lab/session.js';
import { App } from './ui/app.js';
import { invite } from './ui/invitation.js';
import { failed } from './ui/late.js';
import { watch } from './ui/later.js';
import './ui/masthead.js';
import './ui/notices.js';
import './ui/toolbar.js';
import './ui/status.js';
import './ui/lanes.js';
import './ui/playback.js';
import './ui/timeline.js';
import './ui/story.js';
import './ui/workbench.js';
import './ui/code.js';

const parts = ['masthead', 'notices', 'toolbar', 'status', 'lanes', 'playback', 'timeline', 'story', 'workbench', 'code'];
const areas = ['shell', 'trace'];

const silent = 4000; // milliseconds after which a lane that nobody has heard of cannot be reached

const opening = Lab.open();
opening.catch(() => {}); // whoever awaits it says so
await Promise.all(areas.map((area) => load(area).catch((error) => console.error(error))));

let lab;
try {
  lab = await opening;
} catch (error) {
  sorry(error.status === 404 ? t('shell.start.no-demo') : t('shell.start.failed', { why: error.message }), error.status === 404);
  throw error;
}
const app = new App(lab);
window.pushlab = app; // for the curious, and the tests

for (const name of parts) {
  const element = document.querySelector(`push-${name}`);
  try {
    element.app = app;
  } catch (error) {
    failed(element, error);
  }
}
if (!app.view.lesson) invite(app, document.querySelector('push-lesson'));
watch(app);

lab.addEventListener('gone', gone);
lab.start();
for (const lane of app.lanes.values()) lane.open();
setTimeout(reach, silent);
addEventListener('pagehide', ({ persisted }) => persisted || lab.end());
if (sessionStorage.getItem('new-lab')) {
  sessionStorage.removeItem('new-lab');
  app.notice('warn', t('shell.start.new-lab'));
}

/** gone: the server was started anew, and its labs are no more. Whoever looks at a moment keeps it. */
function gone() {
  const renew = () => {
    sessionStorage.setItem('new-lab', '1');
    location.reload();
  };
  for (const lane of app.lanes.values()) lane.end();
  if (app.view.end === null && app.live) renew();
  else app.notice('warn', t('shell.start.gone'), { label: t('shell.start.renew'), run: renew });
}

/**
 * reach finds out whether the browser gets through to the lanes: the tap sees whoever does. Names below localhost are
 * unknown to some systems; where even localhost leads elsewhere, somebody has forwarded the page's port alone.
 */
function reach() {
  const unheard = [...app.lanes.values()].filter(({ name, state }) => state === 'connecting' && !heard(name));
  if (!unheard.length) return;
  if (lab.link !== 'open') { // nobody tells yet who is heard
    setTimeout(reach, silent);
    return;
  }
  if (lab.host === 'named') {
    lab.host = 'plain';
    for (const lane of unheard) {
      lane.close();
      lane.open();
    }
    setTimeout(reach, silent);
    return;
  }
  const ports = lab.ports.map((port) => `-L ${port}:127.0.0.1:${port}`).join(' ');
  app.notice('bad', t('shell.start.unreachable', { ports: lab.ports.join(', '), command: `ssh ${ports} …` }));
}

function heard(lane) {
  return app.trace.totals(lane).connections > 0;
}

/** sorry says why there is no lab, in a page that has nothing else. */
function sorry(text, plain) {
  const note = document.createElement('p');
  note.className = 'note bad';
  note.setAttribute('role', 'alert');
  note.append(text, ' ');
  if (plain) {
    const link = document.createElement('a');
    link.href = '/lanes.html';
    link.textContent = t('shell.start.plain');
    note.append(link);
  }
  document.querySelector('push-notices').append(note);
  document.querySelector('main').hidden = true;
}
