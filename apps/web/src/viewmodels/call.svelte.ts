/** The call of this page: devices, connection, what the buttons do. One tab has the media; every tab sees that there is a call. */

import type { CallNow, ConversationId, Engine } from '../platform/engine';
import { t } from '../platform/i18n';
import { Connection } from '../calls/connection';
import { ring } from '../calls/ring';
import { canSeal } from '../calls/transform';
import { attempt } from './attempt';
import { preferences } from './preferences.svelte';
import { toasts } from './toast.svelte';

const QUIET: MediaTrackConstraints = { echoCancellation: true, autoGainControl: true };

/** Why devices were refused, in words that say what to do. */
export function deviceText(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError') return t('call-no-permission');
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return t('call-no-device');
  return t('call-device-busy');
}

class CallModel {
  now: CallNow | null = $state.raw(null);
  /** This tab has the media of the call. */
  isHere = $state(false);
  isSmall = $state(false);
  isMuted = $state(false);
  hasCamera = $state(false);
  isSharing = $state(false);
  isFlowing = $state(false);
  way: 'direct' | 'relayed' | null = $state(null);
  local: MediaStream | null = $state.raw(null);
  remote: MediaStream | null = $state.raw(null);
  connection: Connection | null = null;
  #engine: Engine | null = null;
  #silence: (() => void) | null = null;
  #notice: Notification | null = null;
  #isOnline = true;
  /** The call that has no way: said once. */
  #unreachable = '';

  /** Follows the engine's call until the returned function is called. */
  listen(engine: Engine): () => void {
    this.#engine = engine;
    const stop = engine.watch('call', [], (now) => this.#take(now));
    const again = () => this.connection?.restart();
    addEventListener('online', again);
    const stopNetwork = engine.watch('network', [], ({ state }) => {
      this.#isOnline = state === 'online';
      if (this.#isOnline) again();
    });
    return () => {
      stop();
      stopNetwork();
      removeEventListener('online', again);
      this.#take(null);
    };
  }

  #take(now: CallNow | null): void {
    const before = this.now;
    this.now = now;
    if (before && before.call !== now?.call) {
      const hasBroken = this.isHere && !this.isFlowing && (before.state === 'connecting' || before.state === 'talking');
      // Both called at once: whoever lost has picked up the other call.
      const isCrossed = this.isHere && now?.conversation === before.conversation && now.state === 'answering';
      this.#closeConnection();
      if (!isCrossed) this.#end();
      if (hasBroken && !now) toasts.say(t('call-over'));
    }
    if (now?.state === 'ringing' && before?.call !== now.call) this.#notify(now);
    const rings = now?.state === 'ringing' || (this.isHere && now?.state === 'ringing-there');
    if (rings && !this.#silence) this.#silence = ring(now?.state === 'ringing');
    if (now?.state !== 'ringing') this.#notice?.close();
    if (!rings) {
      this.#silence?.();
      this.#silence = null;
    }
    if (!now || !this.isHere || !this.local || now.relay === null) return;
    // Without a relay both must allow that addresses are seen.
    if (now.relay.urls.length === 0 && (!this.#mayDirect || now.remote?.mayDirect === false) && now.state !== 'talking') {
      if (this.#unreachable !== now.call) toasts.say(t('call-no-relay'));
      this.#unreachable = now.call;
      void this.hangUp();
      return;
    }
    if (now.want && !this.connection && this.#engine) {
      this.connection = new Connection(this.#engine, now, this.local, this.#mayDirect, { changed: () => this.#look(), isOnline: () => this.#isOnline });
      this.remote = this.connection.remote;
    }
    this.connection?.follow(now);
  }

  /** Where nobody looks at this page, the system says that it rings. */
  #notify({ name }: CallNow): void {
    if (!document.hidden || typeof Notification === 'undefined' || Notification.permission !== 'granted') return;
    try {
      const notice = new Notification(name, { body: t('call-comes'), tag: 'call', requireInteraction: true });
      notice.onclick = () => { focus(); notice.close(); };
      this.#notice = notice;
    } catch {
      // Some phones let only a service worker say it; the tone is heard all the same.
    }
  }

  get #mayDirect(): boolean {
    return !preferences.isAlwaysRelayed;
  }

  #look(): void {
    const { connection } = this;
    this.isFlowing = connection?.isFlowing ?? false;
    this.way = connection?.way ?? null;
    // Tracks came: the same stream is another value to the view.
    this.remote = connection ? new MediaStream(connection.remote.getTracks()) : null;
  }

  #closeConnection(): void {
    this.connection?.close();
    this.connection = null;
    this.remote = null;
    this.isFlowing = false;
    this.way = null;
  }

  #end(): void {
    for (const track of this.local?.getTracks() ?? []) track.stop();
    this.local = null;
    this.isHere = this.isSmall = this.isMuted = this.hasCamera = this.isSharing = false;
  }

  async #open(hasVideo: boolean): Promise<boolean> {
    if (!canSeal()) {
      toasts.say(t('call-cannot-seal'));
      return false;
    }
    try {
      const audio = { ...QUIET, noiseSuppression: preferences.isNoiseSuppressed };
      const video = hasVideo ? { width: { ideal: preferences.savesData ? 640 : 1_280 }, frameRate: { max: 30 } } : false;
      this.local = await navigator.mediaDevices.getUserMedia({ audio, video });
      this.hasCamera = hasVideo;
      return true;
    } catch (error) {
      toasts.say(deviceText(error));
      return false;
    }
  }

  async start(conversation: ConversationId, hasVideo: boolean): Promise<void> {
    if (this.now || this.local || !this.#engine) return;
    if (!(await this.#open(hasVideo))) return;
    this.isHere = true;
    if (!(await attempt(this.#engine.callStart({ conversation, hasVideo })))) this.#end();
  }

  async accept(hasVideo: boolean): Promise<void> {
    const call = this.now?.call;
    if (!call || !this.#engine || !(await this.#open(hasVideo))) return;
    this.isHere = true;
    if (!(await attempt(this.#engine.callAccept({ call })))) this.#end();
  }

  async decline(text = ''): Promise<void> {
    if (this.now && this.#engine) await attempt(this.#engine.callDecline({ call: this.now.call, text }));
  }

  async hangUp(): Promise<void> {
    if (this.now && this.#engine) await attempt(this.#engine.callHangUp({ call: this.now.call }));
  }

  mute(isMuted = !this.isMuted): void {
    this.isMuted = isMuted;
    for (const track of this.local?.getAudioTracks() ?? []) track.enabled = !isMuted;
  }

  async turnCamera(): Promise<void> {
    if (!this.local) return;
    if (this.hasCamera) {
      await this.#showInstead(null);
      this.hasCamera = false;
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      await this.#showInstead(stream.getVideoTracks()[0] ?? null);
      this.hasCamera = true;
      this.isSharing = false;
    } catch (error) {
      toasts.say(deviceText(error));
    }
  }

  async share(): Promise<void> {
    if (this.isSharing) {
      this.isSharing = false;
      await this.#showInstead(null);
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
      const [track] = stream.getVideoTracks();
      if (!track) return;
      track.contentHint = 'detail';
      track.onended = () => { if (this.isSharing) void this.share(); };
      await this.#showInstead(track);
      this.isSharing = true;
      this.hasCamera = false;
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'NotAllowedError')) toasts.say(deviceText(error));
    }
  }

  async #showInstead(track: MediaStreamTrack | null): Promise<void> {
    const { local } = this;
    if (!local) return;
    for (const old of local.getVideoTracks()) {
      old.stop();
      local.removeTrack(old);
    }
    if (track) local.addTrack(track);
    await this.connection?.show(track);
    this.local = new MediaStream(local.getTracks());
  }
}

export const calls = new CallModel();
