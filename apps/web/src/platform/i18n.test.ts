// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineError } from './engine';
import { errorText } from './errors';
import * as i18n from './i18n';

const NOW = new Date(2026, 4, 3, 12).getTime();
const DAY = 86_400_000;

/** What vitest's jsdom lacks where it was given no file for it. */
function memoryStorage(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as unknown as Storage;
}

beforeEach(() => vi.stubGlobal('localStorage', memoryStorage()));
afterEach(() => i18n.chooseLanguage('en'));

describe('the language', () => {
  it('is the first preferred one that is spoken here, with its region', () => {
    expect(i18n.negotiate(['fr-FR', 'it-CH', 'en'])).toEqual({ language: 'it', locale: 'it-CH' });
    expect(i18n.negotiate(['de'])).toEqual({ language: 'en', locale: 'en' });
  });

  it('can be chosen, and the choice stays', () => {
    i18n.chooseLanguage('it');
    expect(i18n.currentLanguage()).toBe('it');
    expect(i18n.chosenLanguage()).toBe('it');
    expect(document.documentElement.lang).toBe('it');
    i18n.chooseLanguage(null);
    expect(i18n.chosenLanguage()).toBeNull();
  });

  it('forms dates, lengths and amounts', () => {
    i18n.chooseLanguage('en');
    expect(i18n.formatDay(NOW, NOW)).toBe('Today');
    expect(i18n.formatDay(NOW - DAY, NOW)).toBe('Yesterday');
    expect(i18n.formatDay(NOW - 3 * DAY, NOW)).toContain('April');
    expect(i18n.formatDuration(4 * 604_800)).toBe('4 weeks');
    expect(i18n.formatRelative(NOW + 6 * DAY, NOW)).toBe('in 6 days');
    expect(i18n.formatBytes(3_200_000)).toBe('3.2 MB');
    i18n.chooseLanguage('it');
    expect(i18n.formatDay(NOW, NOW)).toBe('Oggi');
    expect(i18n.formatDuration(86_400)).toBe('1 giorno');
  });
});

describe('an error', () => {
  it('of a known code has its sentence', () => {
    expect(errorText(new EngineError('not-admin'))).toMatch(/^Only an admin/);
  });

  it('of an unknown code is named, and a foreign one is ours', () => {
    expect(errorText(new EngineError('from-the-future'))).toContain('from-the-future');
    expect(errorText(new TypeError('x'))).toBe(i18n.t('error-internal'));
  });

  it('isolates the direction of what is put in', () => {
    expect(i18n.t('error-unknown', { code: 'שלום' })).toContain('\u2068שלום\u2069');
  });
});
