/** What this side shows and says in a call: opened, switched, lost and found again. */

import { type DeviceKind, type Given, NOTHING, openScreen, openTrack, pictureOf, voiceOf } from '../calls/media';
import { t } from '../platform/i18n';
import { deviceText, devices } from './devices.svelte';
import { preferences } from './preferences.svelte';
import { toasts } from './toast.svelte';

export class OwnMedia {
  given: Given = $state.raw(NOTHING);
  isOpen = $state(false);
  isMuted = $state(false);
  /** A second camera looks the other way. */
  #isBack: boolean | undefined = $state();
  readonly hasCamera = $derived(this.given.camera !== null);
  readonly isSharing = $derived(this.given.screen !== null);
  readonly isMirrored = $derived(this.#isBack !== true && !this.isSharing);
  /** What the user sees of themselves. */
  readonly seen: MediaStream | null = $derived.by(() => {
    const track = this.given.screen ?? this.given.camera;
    return track ? new MediaStream([track]) : null;
  });
  readonly #changed: () => void;
  #stop: (() => void) | null = null;

  /** `changed` sends what there is. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get #wish() {
    const { devices: choice, isNoiseSuppressed, savesData } = preferences;
    return { choice, isNoiseSuppressed, savesData, ...(this.#isBack === undefined ? {} : { isBack: this.#isBack }) };
  }

  /** Opens the microphone, and the camera; says why where it cannot. A camera that will not is no reason to be silent. */
  async open(hasVideo: boolean): Promise<boolean> {
    if (this.isOpen) {
      if (hasVideo !== this.hasCamera) await this.turnCamera();
      return true;
    }
    try {
      const microphone = await openTrack('audio', voiceOf(this.#wish));
      this.isOpen = true;
      this.#put({ microphone });
    } catch (error) {
      toasts.say(deviceText(error));
      return false;
    }
    if (hasVideo) await this.turnCamera();
    this.#stop = devices.follow((kind, device) => {
      if (kind === 'audiooutput') return;
      toasts.say(t('device-new', { name: device.label }), t('device-use'), () => void this.choose(kind, device.id));
    });
    return true;
  }

  close(): void {
    this.#stop?.();
    this.#stop = null;
    for (const track of Object.values(this.given) as (MediaStreamTrack | null)[]) track?.stop();
    this.given = NOTHING;
    this.isOpen = this.isMuted = false;
    this.#isBack = undefined;
  }

  #put(part: Partial<Given>): void {
    const before = this.given;
    const after = { ...before, ...part };
    for (const key of Object.keys(part) as (keyof Given)[]) {
      const [old, track] = [before[key], after[key]];
      if (old === track) continue;
      if (old) {
        old.onended = null;
        old.stop();
      }
      if (track) track.onended = () => void this.#lost(key);
    }
    if (after.microphone) after.microphone.enabled = !this.isMuted;
    this.given = after;
    this.#changed();
  }

  async #lost(key: keyof Given): Promise<void> {
    if (!this.isOpen) return;
    if (key === 'screen' || key === 'screenSound') {
      this.#put({ screen: null, screenSound: null });
      return;
    }
    this.#put({ [key]: null });
    await devices.look();
    try {
      const isVoice = key === 'microphone';
      const track = await openTrack(isVoice ? 'audio' : 'video', isVoice ? voiceOf(this.#wish) : pictureOf(this.#wish));
      if (!this.isOpen) track?.stop();
      else this.#put({ [key]: track });
      toasts.say(t(isVoice ? 'device-lost-microphone' : 'device-lost-camera', { name: track?.label ?? '' }));
    } catch {
      toasts.say(t(key === 'microphone' ? 'device-none-microphone' : 'device-none-camera'));
    }
  }

  mute(isMuted = !this.isMuted): void {
    this.isMuted = isMuted;
    if (this.given.microphone) this.given.microphone.enabled = !isMuted;
    this.#changed();
  }

  async turnCamera(): Promise<void> {
    if (this.hasCamera) {
      this.#put({ camera: null });
      return;
    }
    await this.#reopen('camera');
  }

  /** Looks the other way. */
  async flip(): Promise<void> {
    if (!this.hasCamera) return;
    const cameras = devices.of('videoinput');
    // A phone gives up one camera before it opens the other.
    this.given.camera?.stop();
    this.#isBack = !(this.#isBack ?? false);
    if (matchMedia('(pointer: fine)').matches && cameras.length > 1) {
      const now = this.given.camera?.getSettings().deviceId;
      const at = cameras.findIndex(({ id }) => id === now);
      preferences.setDevice({ videoinput: cameras[(at + 1) % cameras.length]?.id ?? '' });
      this.#isBack = undefined;
    }
    await this.#reopen('camera');
  }

  async share(): Promise<void> {
    if (this.isSharing) {
      this.#put({ screen: null, screenSound: null });
      return;
    }
    try {
      this.#put(await openScreen());
    } catch (error) {
      // Not allowed: the user thought better of it.
      if (!(error instanceof DOMException && error.name === 'NotAllowedError')) toasts.say(deviceText(error));
    }
  }

  /** Uses another device from now on. */
  async choose(kind: DeviceKind, id: string): Promise<void> {
    preferences.setDevice({ [kind]: id });
    if (kind === 'videoinput') this.#isBack = undefined;
    if (kind === 'audioinput' && this.isOpen) await this.#reopen('microphone');
    if (kind === 'videoinput' && this.hasCamera) await this.#reopen('camera');
  }

  async suppressNoise(isOn: boolean): Promise<void> {
    preferences.isNoiseSuppressed = isOn;
    if (this.isOpen) await this.#reopen('microphone');
  }

  async saveData(isOn: boolean): Promise<void> {
    preferences.savesData = isOn;
    if (this.hasCamera) await this.#reopen('camera');
  }

  async #reopen(key: 'microphone' | 'camera'): Promise<void> {
    const isVoice = key === 'microphone';
    try {
      const track = await openTrack(isVoice ? 'audio' : 'video', isVoice ? voiceOf(this.#wish) : pictureOf(this.#wish));
      if (this.isOpen) this.#put({ [key]: track });
      else track?.stop();
    } catch (error) {
      toasts.say(deviceText(error));
    }
  }
}
