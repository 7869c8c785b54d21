/** Numbers as people read them. The words around them are in the page's texts. */
import { t, number } from '../text.js';

export function bytes(n) {
  if (!Number.isFinite(n)) return number(n);
  if (n < 10_000) return t('lessons.unit.bytes', { n: Math.round(n) });
  if (n < 1024 * 1024) return t('lessons.unit.kib', { n: Math.round(n / 102.4) / 10 });
  return t('lessons.unit.mib', { n: Math.round(n / 104857.6) / 10 });
}

export function time(ms) {
  if (!Number.isFinite(ms)) return number(ms);
  if (ms < 10) return t('lessons.unit.ms', { n: Math.round(ms * 10) / 10 });
  if (ms < 1000) return t('lessons.unit.ms', { n: Math.round(ms) });
  return t('lessons.unit.s', { n: Math.round(ms / 100) / 10 });
}

export function percent(share) {
  return t('lessons.unit.percent', { n: Math.round(100 * share) });
}
