/** The call of this page: devices, connection, what the buttons do. One tab has the media; every tab sees that there is a call. */

import { Connection } from '../calls/connection';
import type { Quality, Way } from '../calls/quality';
import { ring } from '../calls/ring';
import { canSeal } from '../calls/transform';
import type { CallNow, ConversationId, Engine } from '../platform/engine';
import { t } from '../platform/i18n';
import { attempt } from './attempt';
import { OwnMedia } from './own-media.svelte';
import { preferences } from './preferences.svelte';
import { toasts } from './toast.svelte';

/** What the user looks at before a call begins. */
export interface Preview { conversation: ConversationId; name: string; hasVideo: boolean }

interface NetworkSign extends EventTarget { type?: string }

class CallModel {
  now: CallNow | null = $state.raw(null);
  preview: Preview | null = $state.raw(null);
  /** This tab has the media of the call. */
  isHere = $state(false);
  isSmall = $state(false);
  isFlowing = $state(false);
  way: Way | null = $state(null);
  quality: Quality | null = $state.raw(null);
  remote: MediaStream | null = $state.raw(null);
  readonly own = new OwnMedia(() => void this.connection?.give(this.own.given));
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
    const ends = new AbortController();
    const { signal } = ends;
    const stop = engine.watch('call', [], (now) => this.#take(now));
    const again = () => this.connection?.restart(true);
    addEventListener('online', again, { signal });
    const sign = (navigator as { connection?: NetworkSign }).connection;
    let kind = sign?.type;
    sign?.addEventListener('change', () => {
      if (sign.type !== kind) again();
      kind = sign.type;
    }, { signal });
    // The page goes: whoever is at the other end need not wait for it. Closing tells them even where the engine goes too.
    addEventListener('pagehide', () => {
      if (!this.isHere) return;
      void this.hangUp();
      this.connection?.close();
    }, { signal });
    const stopNetwork = engine.watch('network', [], ({ state }) => {
      const wasOnline = this.#isOnline;
      this.#isOnline = state === 'online';
      if (this.#isOnline && !wasOnline && this.way !== 'direct') this.connection?.nodeBack();
    });
    return () => {
      stop();
      stopNetwork();
      ends.abort();
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
    if (now?.state === 'ringing' && before?.call !== now.call) {
      // Another device of ours may be able to.
      if (canSeal()) this.#notify(now);
      else void this.#engine?.callDecline({ call: now.call, reason: 'unable' }).catch(() => undefined);
    }
    const rings = now?.state === 'ringing' || (this.isHere && now?.state === 'ringing-there');
    if (rings && !this.#silence) this.#silence = ring(now?.state === 'ringing');
    if (now?.state !== 'ringing') this.#notice?.close();
    if (!rings) {
      this.#silence?.();
      this.#silence = null;
    }
    if (!now || !this.isHere || !this.own.isOpen || now.relay === null) return;
    // Without a relay both must allow that addresses are seen.
    if (now.relay.urls.length === 0 && (!this.#mayDirect || now.remote?.mayDirect === false) && now.state !== 'talking') {
      if (this.#unreachable !== now.call) toasts.say(t('call-no-relay'));
      this.#unreachable = now.call;
      void this.hangUp();
      return;
    }
    if (now.want && !this.connection && this.#engine) this.#connect(this.#engine, now);
    this.connection?.follow(now);
  }

  #connect(engine: Engine, now: CallNow): void {
    const watcher = { changed: () => this.#look(), isOnline: () => this.#isOnline, left: () => void this.hangUp() };
    this.connection = new Connection(engine, now, this.own.given, this.#mayDirect, watcher);
    this.remote = this.connection.remote;
    void this.connection.save(preferences.savesData);
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
    this.quality = connection?.quality ?? null;
    const tracks = connection?.remote.getTracks() ?? [];
    // Tracks came: the same stream is another value to the view.
    if (tracks.length !== this.remote?.getTracks().length) this.remote = connection ? new MediaStream(tracks) : null;
  }

  #closeConnection(): void {
    this.connection?.close();
    this.connection = null;
    this.remote = null;
    this.isFlowing = false;
    this.way = null;
    this.quality = null;
  }

  #end(): void {
    this.own.close();
    this.isHere = this.isSmall = false;
  }

  #canSeal(): boolean {
    if (!canSeal()) toasts.say(t('call-cannot-seal'));
    return canSeal();
  }

  /** The user wants to call: first they see themselves, unless they said otherwise. */
  async start(conversation: ConversationId, hasVideo: boolean, name = ''): Promise<void> {
    if (this.now || this.own.isOpen || this.preview || !this.#engine || !this.#canSeal()) return;
    if (!preferences.hasPreview) {
      await this.#call(conversation, hasVideo);
      return;
    }
    this.preview = { conversation, name, hasVideo };
    if (!(await this.own.open(hasVideo))) this.preview = null;
    // Closed while the browser asked.
    else if (!this.preview) this.own.close();
  }

  /** What was looked at is called. */
  async go(): Promise<void> {
    const { preview } = this;
    if (!preview) return;
    this.preview = null;
    await this.#call(preview.conversation, this.own.hasCamera);
  }

  leavePreview(): void {
    this.preview = null;
    this.own.close();
  }

  async #call(conversation: ConversationId, hasVideo: boolean): Promise<void> {
    if (!this.#engine || !(await this.own.open(hasVideo))) return;
    this.isHere = true;
    if (!(await attempt(this.#engine.callStart({ conversation, hasVideo })))) this.#end();
  }

  async accept(hasVideo: boolean): Promise<void> {
    const call = this.now?.call;
    if (this.preview) this.leavePreview();
    if (!call || !this.#engine || !this.#canSeal() || !(await this.own.open(hasVideo))) return;
    this.isHere = true;
    if (!(await attempt(this.#engine.callAccept({ call })))) this.#end();
  }

  async decline(text = ''): Promise<void> {
    if (this.now && this.#engine) await attempt(this.#engine.callDecline({ call: this.now.call, text }));
  }

  async hangUp(): Promise<void> {
    if (this.now && this.#engine) await attempt(this.#engine.callHangUp({ call: this.now.call }));
  }

  async saveData(isOn: boolean): Promise<void> {
    await this.own.saveData(isOn);
    await this.connection?.save(isOn);
  }
}

export const calls = new CallModel();
