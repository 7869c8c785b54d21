/**
 * The words of the page, one file per area and language: text/en/shell.json is the area "shell", text/en/shell.faults.json
 * what is in it below "faults", for a part of the page that comes late.
 *
 *   await load('shell');
 *   t('shell.status.lost')                      a name, with dots into the file
 *   t('shell.status.on-their-way', { n: 3 })    "{n} on {n|its|their} way": 3 on their way
 *
 * Numbers are written as the language does; {n|one|other} chooses by number.
 */
const language = 'en';
const words = {};
const coming = new Map(); // area → promise
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });

/** load fetches an area's words, once. */
export function load(area) {
  if (!coming.has(area)) {
    const address = new URL(`text/${language}/${area}.json`, import.meta.url);
    coming.set(area, fetch(address).then(async (response) => {
      if (!response.ok) throw new Error(`the words of ${area} did not come: HTTP ${response.status}`);
      const own = await response.json();
      const [name, ...above] = area.split('.').reverse();
      let node = words;
      for (const part of above.reverse()) node = node[part] ??= {};
      node[name] = { ...node[name], ...own }; // one below it may have been quicker
    }).catch((error) => {
      coming.delete(area); // it may come the next time
      throw error;
    }));
  }
  return coming.get(area);
}

/** t returns a text by its name. One that is missing shows as its name: ugly, and soon found. */
export function t(name, values = {}) {
  let text = words;
  for (const part of name.split('.')) text = text?.[part];
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
