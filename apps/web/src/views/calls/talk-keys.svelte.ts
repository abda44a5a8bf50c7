/** The keys of a call: letters that act, and the space bar that is held to talk while muted. */

import type { OwnMedia } from '../../viewmodels/own-media.svelte';

const TYPING = 'input, textarea, select, [contenteditable]';
const PRESSED = 'button, a, [role=menuitem], [role=switch]';

export interface TalkKeys {
  down: (event: KeyboardEvent) => void;
  up: (event: KeyboardEvent) => void;
  /** The window is left: a key that is still held is not heard any more. */
  leave: () => void;
  isTalking: () => boolean;
}

export function talkKeys({ own, isAway, more }: { own: OwnMedia; isAway: () => boolean; more: Record<string, () => void> }): TalkKeys {
  let isHeld = $state(false);
  const leave = (): void => {
    if (isHeld) own.mute(true);
    isHeld = false;
  };
  const deeds: Record<string, () => void> = { m: () => own.mute(), v: () => void own.turnCamera(), s: () => void own.share(), ...more };
  return {
    leave,
    isTalking: () => isHeld,
    down: (event) => {
      if (isAway() || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as Element;
      if (target.closest(TYPING)) return;
      if (event.key === ' ') {
        // On a key of the page it presses that key.
        if (target.closest(PRESSED) || (!own.isMuted && !isHeld)) return;
        if (!isHeld) own.mute(false);
        isHeld = true;
      } else {
        const deed = deeds[event.key];
        if (!deed || event.repeat) return;
        deed();
      }
      event.preventDefault();
    },
    up: (event) => {
      if (event.key !== ' ' || !isHeld) return;
      leave();
      event.preventDefault();
    },
  };
}
