/** What there is to do in a call beside the keys of its dock. */

import Headphones from '@lucide/svelte/icons/headphones';
import Leaf from '@lucide/svelte/icons/leaf';
import Maximize from '@lucide/svelte/icons/maximize';
import PictureInPicture from '@lucide/svelte/icons/picture-in-picture-2';
import SwitchCamera from '@lucide/svelte/icons/switch-camera';
import Waves from '@lucide/svelte/icons/audio-lines';
import { t } from '../../platform/i18n';
import { devices } from '../../viewmodels/devices.svelte';
import type { OwnMedia } from '../../viewmodels/own-media.svelte';
import { preferences } from '../../viewmodels/preferences.svelte';
import type { MenuItem } from '../parts/Menu.svelte';

export async function fill(room: HTMLElement | undefined): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen().catch(() => undefined);
  else await room?.requestFullscreen().catch(() => undefined);
}

export async function float(video: HTMLVideoElement | null | undefined): Promise<void> {
  if (document.pictureInPictureElement) await document.exitPictureInPicture().catch(() => undefined);
  else await video?.requestPictureInPicture().catch(() => undefined);
}

export function callMenu(parts: {
  own: OwnMedia;
  room: HTMLElement | undefined;
  /** The picture that may float above other windows. */
  video: HTMLVideoElement | null | undefined;
  ondevices: () => void;
  onsave: (isOn: boolean) => void;
}): MenuItem[] {
  const { own, room, video, ondevices, onsave } = parts;
  const items: MenuItem[] = [{ id: 'devices', label: t('device-title'), icon: Headphones, choose: ondevices }];
  if (own.hasCamera && devices.of('videoinput').length > 1) items.push({ id: 'flip', label: t('call-flip'), icon: SwitchCamera, choose: () => void own.flip() });
  if (document.fullscreenEnabled) items.push({ id: 'full', label: t(document.fullscreenElement ? 'call-full-end' : 'call-full'), icon: Maximize, key: 'F', choose: () => void fill(room) });
  if (document.pictureInPictureEnabled && video) items.push({ id: 'float', label: t('call-float'), icon: PictureInPicture, key: 'P', choose: () => void float(video) });
  items.push(
    { id: 'noise', label: t('privacy-noise'), icon: Waves, isApart: true, isChecked: preferences.isNoiseSuppressed, choose: () => void own.suppressNoise(!preferences.isNoiseSuppressed) },
    { id: 'save', label: t('privacy-data'), icon: Leaf, isChecked: preferences.savesData, choose: () => onsave(!preferences.savesData) },
  );
  return items;
}
