/** Microphones, speakers and cameras of this machine, and which of them calls use. */

import type { DeviceKind } from '../calls/media';
import { t } from '../platform/i18n';
import { preferences } from './preferences.svelte';

export interface Device { id: string; label: string }

/** Whether sound can be sent to a chosen speaker. */
export const canChooseSpeaker = (): boolean => typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype;

/** Why devices were refused, in words that say what to do. */
export function deviceText(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError') return t('call-no-permission');
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return t('call-no-device');
  return t('call-device-busy');
}

class Devices {
  #all: MediaDeviceInfo[] = $state.raw([]);

  /** Knows what is plugged in, until the returned function is called; `onnew` hears of what is plugged in meanwhile. */
  follow(onnew?: (kind: DeviceKind, device: Device) => void): () => void {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (!media) return () => undefined;
    const look = async (): Promise<void> => {
      const before = this.#all;
      await this.look();
      if (!before.some(({ label }) => label !== '')) return;
      for (const { kind, deviceId, label } of this.#all) {
        if (deviceId !== 'default' && !before.some((one) => one.kind === kind && one.deviceId === deviceId)) onnew?.(kind, { id: deviceId, label });
      }
    };
    const changed = () => void look();
    media.addEventListener('devicechange', changed);
    changed();
    return () => media.removeEventListener('devicechange', changed);
  }

  async look(): Promise<void> {
    this.#all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  }

  /** Those of a kind; before the user gave leave they have no names. */
  of(kind: DeviceKind): Device[] {
    const found = this.#all.filter((one) => one.kind === kind && one.deviceId !== '' && one.deviceId !== 'default');
    return found.map(({ deviceId, label }, at) => ({ id: deviceId, label: label || t('device-nameless', { number: at + 1 }) }));
  }

  /** The chosen one, if it is here. */
  chosen(kind: DeviceKind): string {
    const id = preferences.devices[kind];
    return this.of(kind).some((one) => one.id === id) ? id : '';
  }

  labelOf(kind: DeviceKind, id: string): string {
    return this.of(kind).find((one) => one.id === id)?.label ?? '';
  }
}

export const devices = new Devices();
