/** The names of who is in a call of many. */

import type { GroupCall } from '../../platform/engine';
import { t } from '../../platform/i18n';

const NAMED = 4;

/** Who is in a call: some by name, the others by number; each person once. */
export function namesIn({ people }: GroupCall): string {
  const names = [...new Set(people.map(({ isOwn, name }) => (isOwn ? t('call-own-picture') : name)))];
  const named = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? t('group-call-and-more', { names: named, count: names.length - NAMED }) : named;
}
