/**
 * Every word the app says, in the language its user reads: Fluent messages from `locales/`, dates, numbers and plurals by Intl.
 *
 * Each function here reads the language, so that whatever shows its result in a component or an effect is drawn
 * anew when the language changes. Values put into a message are isolated from its direction.
 */

import { FluentBundle, FluentResource, type FluentVariable } from '@fluent/bundle';
import { createSubscriber } from 'svelte/reactivity';
import appEn from '../../../../locales/en/app.ftl?raw';
import chatEn from '../../../../locales/en/chat.ftl?raw';
import errorsEn from '../../../../locales/en/errors.ftl?raw';
import appIt from '../../../../locales/it/app.ftl?raw';
import chatIt from '../../../../locales/it/chat.ftl?raw';
import errorsIt from '../../../../locales/it/errors.ftl?raw';

export type Language = 'en' | 'it';
export type Values = Record<string, FluentVariable>;

/** The languages and what they call themselves. */
export const LANGUAGES: readonly { id: Language; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'it', name: 'Italiano' },
];

const SOURCES: Record<Language, readonly string[]> = {
  en: [appEn, chatEn, errorsEn],
  it: [appIt, chatIt, errorsIt],
};
const CHOICE_KEY = 'language';
const DAY_MS = 86_400_000;

let locale = '';
let language: Language = 'en';
let bundle: FluentBundle;
let formats = new Map<string, unknown>();
let redraw = (): void => {};
const subscribe = createSubscriber((update) => {
  redraw = update;
  return () => {
    redraw = () => {};
  };
});

/** The first of `preferred` that is spoken here, with its region; English where none is. */
export function negotiate(preferred: readonly string[]): { language: Language; locale: string } {
  for (const tag of preferred) {
    const found = LANGUAGES.find(({ id }) => tag.toLowerCase().split('-')[0] === id);
    if (found) return { language: found.id, locale: tag };
  }
  return { language: 'en', locale: 'en' };
}

/** What the user chose; null where the browser's preference holds. */
export function chosenLanguage(): Language | null {
  subscribe();
  const stored = kept();
  return LANGUAGES.find(({ id }) => id === stored)?.id ?? null;
}

/** Speaks `choice` from now on, or what the browser prefers for null. */
export function chooseLanguage(choice: Language | null): void {
  try {
    if (choice === null) localStorage.removeItem(CHOICE_KEY);
    else localStorage.setItem(CHOICE_KEY, choice);
  } catch {
    // Without storage the choice holds for this visit.
  }
  apply(choice);
}

/** The language spoken now. */
export function currentLanguage(): Language {
  subscribe();
  return language;
}

/** A message of `locales/`. An unknown id is shown as it is, which a test of every id in the source prevents. */
export function t(id: string, values?: Values): string {
  subscribe();
  const message = bundle.getMessage(id);
  return message?.value ? bundle.formatPattern(message.value, values) : id;
}

/** An attribute of a message (`id.name`). */
export function attribute(id: string, name: string, values?: Values): string {
  subscribe();
  const pattern = bundle.getMessage(id)?.attributes[name];
  return pattern ? bundle.formatPattern(pattern, values) : `${id}.${name}`;
}

/** Whether a message of this id exists, for ids that come from outside. */
export function hasMessage(id: string): boolean {
  return bundle.hasMessage(id);
}

export function formatNumber(value: number, options: Intl.NumberFormatOptions = {}): string {
  return cached(Intl.NumberFormat, options).format(value);
}

/** "3.2 MB"; powers of ten, as disks and networks count. */
export function formatBytes(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(bytes, 1)) / 3)));
  const value = bytes / 1000 ** power;
  return formatNumber(value, {
    style: 'unit', unit: units[power]!, unitDisplay: 'short', maximumFractionDigits: value < 10 && power > 0 ? 1 : 0,
  });
}

/** The hour: "18:40". */
export function formatTime(ms: number): string {
  return cached(Intl.DateTimeFormat, { hour: '2-digit', minute: '2-digit' }).format(ms);
}

/** A whole point in time, for titles and details. */
export function formatDateTime(ms: number): string {
  return cached(Intl.DateTimeFormat, { dateStyle: 'long', timeStyle: 'short' }).format(ms);
}

/** "28 April", with the year where it is another one. */
export function formatDate(ms: number, nowMs = Date.now()): string {
  const isThisYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
  return cached(Intl.DateTimeFormat, { day: 'numeric', month: 'long', ...(isThisYear ? {} : { year: 'numeric' }) }).format(ms);
}

/** A day as a heading: "Today", "Yesterday", "Saturday 3 May", with the year where it is another one. */
export function formatDay(ms: number, nowMs = Date.now()): string {
  const days = daysBetween(ms, nowMs);
  if (days === 0 || days === 1) return capitalise(relative().format(-days, 'day'));
  const isThisYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
  const text = cached(Intl.DateTimeFormat, {
    weekday: 'long', day: 'numeric', month: 'long', ...(isThisYear ? {} : { year: 'numeric' }),
  }).format(ms);
  return capitalise(text);
}

/** As short as a row of the list allows: the hour today, then "Yesterday", the weekday, the date. */
export function formatRowTime(ms: number, nowMs = Date.now()): string {
  const days = daysBetween(ms, nowMs);
  if (days <= 0) return formatTime(ms);
  if (days === 1) return capitalise(relative().format(-1, 'day'));
  if (days < 7) return capitalise(cached(Intl.DateTimeFormat, { weekday: 'short' }).format(ms));
  const isThisYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
  return cached(Intl.DateTimeFormat, isThisYear ? { day: 'numeric', month: 'short' } : { dateStyle: 'short' }).format(ms);
}

/** "in 6 days", "3 minutes ago". */
export function formatRelative(ms: number, nowMs = Date.now()): string {
  const seconds = (ms - nowMs) / 1000;
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]];
  const [unit, length] = steps.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1];
  return relative().format(Math.trunc(seconds / length), unit);
}

/** "4:07", "1:02:09". */
export function formatClock(seconds: number): string {
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** A length of time in its largest whole unit: "4 weeks", "30 seconds". */
export function formatDuration(seconds: number): string {
  const steps: [string, number][] = [
    ['year', 31_536_000], ['week', 604_800], ['day', 86_400], ['hour', 3_600], ['minute', 60],
  ];
  const [unit, length] = steps.find(([, each]) => seconds >= each && seconds % each === 0) ?? ['second', 1];
  return formatNumber(seconds / length, { style: 'unit', unit, unitDisplay: 'long' });
}

/** "Ida, Luca and Sara"; each isolated from the direction of the others. */
export function formatList(parts: readonly string[]): string {
  return cached(Intl.ListFormat, { type: 'conjunction' }).format(parts.map((part) => `\u2068${part}\u2069`));
}

/** Text of others within a sentence that is not a message's value: keeps its direction to itself. */
export function isolate(text: string): string {
  return `\u2068${text}\u2069`;
}

/** Orders texts as the language does. */
export function collator(): Intl.Collator {
  return cached(Intl.Collator, { sensitivity: 'base', numeric: true });
}

function kept(): string | null {
  try {
    return localStorage.getItem(CHOICE_KEY);
  } catch {
    return null;
  }
}

function daysBetween(ms: number, nowMs: number): number {
  const midnight = (time: number): number => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((midnight(nowMs) - midnight(ms)) / DAY_MS);
}

function relative(): Intl.RelativeTimeFormat {
  return cached(Intl.RelativeTimeFormat, { numeric: 'auto' });
}

function capitalise(text: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}

function cached<F, O extends object>(Format: new (locale?: string, options?: O) => F, options: NoInfer<O>): F {
  subscribe();
  const key = Format.name + JSON.stringify(options);
  const known = formats.get(key) as F | undefined;
  if (known) return known;
  const made = new Format(locale, options);
  formats.set(key, made);
  return made;
}

function apply(choice: Language | null): void {
  const preferred = globalThis.navigator?.languages ?? ['en'];
  const regional = preferred.filter((tag) => choice === null || tag.toLowerCase().split('-')[0] === choice);
  const found = negotiate(choice === null ? regional : [...regional, choice]);
  language = found.language;
  locale = found.locale;
  formats = new Map();
  bundle = new FluentBundle(locale);
  for (const source of SOURCES[language]) bundle.addResource(new FluentResource(source));
  if (globalThis.document) document.documentElement.lang = locale;
  redraw();
}

apply(chosenLanguage());
