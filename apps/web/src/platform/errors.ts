/** What went wrong, as a sentence that says what to do. */

import type { Alert, EngineError } from './engine';
import { attribute, hasMessage, t } from './i18n';

/** The sentence for anything that was thrown; a code of a newer engine is named. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error) || error.name !== 'EngineError') return t('error-internal');
  const { code, values } = error as EngineError;
  return hasMessage(`error-${code}`) ? t(`error-${code}`, values) : t('error-unknown', { code });
}

/** What an alert says: the fact, what is safe, what to do. */
export interface AlertText {
  fact: string;
  safe: string;
  todo: string;
}

/** The words of an alert; one of a newer engine says as much as is known. */
export function alertText(alert: Alert): AlertText {
  const known = `alert-${alert.code.replaceAll('_', '-')}`;
  const id = hasMessage(known) ? known : 'alert-unknown';
  const values = { name: alert.name ?? t('alert-somebody') };
  return { fact: t(id, values), safe: attribute(id, 'safe', values), todo: attribute(id, 'todo', values) };
}
