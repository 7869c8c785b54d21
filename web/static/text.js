/**
 * The words of the page, one file per area and language: text/en/shell.json is the area "shell".
 *
 *   await load('shell');
 *   t('shell.status.lost')                      a name, with dots into the file
 *   t('shell.status.on-their-way', { n: 3 })    "{n} on {n|its|their} way": 3 on their way
 *
 * Numbers are written as the language does; {n|one|other} chooses by number.
 */
const language = 'en';
const areas = new Map();
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });

/** load fetches an area's words, once. */
export function load(area) {
  if (!areas.has(area)) {
    const address = new URL(`text/${language}/${area}.json`, import.meta.url);
    areas.set(area, fetch(address).then(async (response) => {
      if (!response.ok) throw new Error(`the words of ${area} did not come: HTTP ${response.status}`);
      areas.set(area, await response.json());
    }));
  }
  return Promise.resolve(areas.get(area)).then(() => {});
}

/** t returns a text by its name. One that is missing shows as its name: ugly, and soon found. */
export function t(name, values = {}) {
  let text = areas;
  for (const [i, part] of name.split('.').entries()) text = i ? text?.[part] : areas.get(part);
  if (typeof text !== 'string') return name;
  if (!text.includes('{')) return text;
  return text.replace(/\{([^{}|]+)(?:\|([^{}|]*)\|([^{}|]*))?\}/g, (whole, key, one, other) => {
    const value = values[key];
    if (value === undefined) return whole;
    if (one !== undefined) return value === 1 ? one : other;
    return typeof value === 'number' ? number(value) : value;
  });
}

/** number writes a number as the language does. */
export function number(value) {
  return Number.isFinite(value) ? numbers.format(value) : '–';
}
