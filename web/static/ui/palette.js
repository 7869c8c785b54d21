/**
 * The colours of the page's tokens, for a canvas: it knows neither var() nor light-dark(), so a hidden element asks
 * the style sheet what they come to. Ask again when the theme changes.
 */
const tokens = [
  'ink', 'quiet', 'paper', 'card', 'sunk', 'line', 'edge', 'accent', 'good', 'warn', 'bad', 'good-soft', 'warn-soft', 'bad-soft',
  'lane-longpoll', 'lane-httpstream', 'lane-sse', 'lane-websocket',
  'lane-longpoll-soft', 'lane-httpstream-soft', 'lane-sse-soft', 'lane-websocket-soft',
];

/** Where the system has colours of its own choice, there are only these. */
const forced = {
  ink: 'CanvasText', quiet: 'CanvasText', paper: 'Canvas', card: 'Canvas', sunk: 'Canvas', line: 'GrayText', edge: 'CanvasText',
  accent: 'Highlight', good: 'CanvasText', warn: 'CanvasText', bad: 'CanvasText',
  'good-soft': 'Canvas', 'warn-soft': 'Canvas', 'bad-soft': 'Canvas',
};

/** palette returns colours by token, without the dashes before it, and the two fonts. */
export function palette(element) {
  const probe = document.createElement('i');
  probe.hidden = true;
  element.append(probe);
  const system = matchMedia('(forced-colors: active)').matches;
  const colours = {};
  const style = getComputedStyle(probe);
  for (const token of tokens) {
    if (system) {
      colours[token] = forced[token] ?? (token.endsWith('-soft') ? 'Canvas' : 'LinkText');
      continue;
    }
    probe.style.setProperty('color', `var(--${token})`);
    colours[token] = style.color;
  }
  const font = (token) => {
    probe.style.setProperty('font-family', `var(--${token})`);
    return style.fontFamily;
  };
  colours.sans = font('sans');
  colours.mono = font('mono');
  colours.rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  probe.remove();
  return colours;
}

/** onTheme calls back when the colours may have changed, until it is aborted. */
export function onTheme(callback, signal) {
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  signal?.addEventListener('abort', () => observer.disconnect());
  for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) matchMedia(query).addEventListener('change', callback, { signal });
}
