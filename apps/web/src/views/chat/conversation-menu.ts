/** What can be done with a conversation from its row. */
import Archive from '@lucide/svelte/icons/archive';
import ArchiveRestore from '@lucide/svelte/icons/archive-restore';
import Bell from '@lucide/svelte/icons/bell';
import BellOff from '@lucide/svelte/icons/bell-off';
import MailCheck from '@lucide/svelte/icons/mail-check';
import Mail from '@lucide/svelte/icons/mail';
import Pin from '@lucide/svelte/icons/pin';
import PinOff from '@lucide/svelte/icons/pin-off';
import type { ConversationRow, Engine } from '../../platform/engine';
import { t } from '../../platform/i18n';
import { isMuted, isUnread } from '../../viewmodels/say';
import { toasts } from '../../viewmodels/toast.svelte';
import { attempt } from '../../viewmodels/attempt';
import type { MenuItem } from '../parts/Menu.svelte';

/** Far enough away to be for good. */
export const MUTE_FOREVER_MS = 100 * 365 * 86_400_000;

export function conversationMenu(engine: Engine, row: ConversationRow, onaway: () => void): MenuItem[] {
  const conversation = row.id;
  const muted = isMuted(row);
  const unread = isUnread(row);
  const archive = (isArchived: boolean) => attempt(engine.archive({ conversation, isArchived }));
  return [
    {
      id: 'pin', key: 'P', icon: row.isPinned ? PinOff : Pin, label: row.isPinned ? t('menu-unpin') : t('menu-pin'),
      choose: () => void attempt(engine.pin({ conversation, isPinned: !row.isPinned })),
    },
    {
      id: 'mute', key: 'M', icon: muted ? Bell : BellOff, label: muted ? t('menu-unmute') : t('menu-mute'),
      choose: () => void attempt(engine.mute({ conversation, untilMs: muted ? null : Date.now() + MUTE_FOREVER_MS })),
    },
    {
      id: 'unread', key: 'U', icon: unread ? MailCheck : Mail, label: unread ? t('menu-mark-read') : t('menu-mark-unread'),
      choose: () => void attempt(unread ? readAll(engine, row) : engine.markUnread({ conversation, isUnread: true })),
    },
    {
      id: 'archive', key: 'E', icon: row.isArchived ? ArchiveRestore : Archive, label: row.isArchived ? t('menu-unarchive') : t('menu-archive'),
      choose: () => {
        onaway();
        void archive(!row.isArchived).then((isDone) => {
          if (isDone && !row.isArchived) toasts.say(t('archived-toast'), t('undo'), () => void archive(false));
        });
      },
    },
  ];
}

async function readAll(engine: Engine, row: ConversationRow): Promise<void> {
  if (row.isMarkedUnread) await engine.markUnread({ conversation: row.id, isUnread: false });
  if (row.unread > 0) await engine.markRead({ conversation: row.id });
}
