/** Choosing people: who can be chosen, in what order, found by what. */
import type { AccountId, Contact, Member } from '../platform/engine';
import { collator } from '../platform/i18n';

/** Contacts who can come into a group, by name; `query` finds parts of either name, whatever its accents. */
export function choosable(contacts: readonly Contact[], members: readonly Member[], query: string): Contact[] {
  const inside = new Set<AccountId>(members.map(({ account }) => account));
  const wanted = plain(query.trim());
  return contacts
    .filter((contact) => !contact.isBlocked && !inside.has(contact.account))
    .filter((contact) => plain(contact.name).includes(wanted) || plain(contact.ownName).includes(wanted))
    .sort((one, other) => collator().compare(one.name, other.name));
}

/** Members as they are listed: oneself, admins, the rest by name. */
export function listed(members: readonly Member[]): Member[] {
  return [...members].sort((one, other) =>
    Number(other.isSelf) - Number(one.isSelf)
    || Number(other.isAdmin) - Number(one.isAdmin)
    || collator().compare(one.name, other.name));
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}
