/**
 * Web Push: the browser's subscription for the push key of the home node (LANE.md N15).
 *
 * The browser keeps the subscription, the engine leaves it with the node at each connection, and the node forgets it
 * with that. So what is on is handed to the engine again whenever the app starts.
 */
import { type Engine, EngineError, type PushKeys } from '../platform/engine';

const KEY_URL = '/v1/push-key';
/** The user turned it on in this browser. */
const ON_KEY = 'push';

/** Whether this browser can be woken at all. */
export const canPush = 'PushManager' in globalThis && 'serviceWorker' in navigator;

function wasOn(): boolean {
  try {
    return localStorage.getItem(ON_KEY) === 'on';
  } catch {
    return false;
  }
}

function keep(isOn: boolean): void {
  try {
    if (isOn) localStorage.setItem(ON_KEY, 'on');
    else localStorage.removeItem(ON_KEY);
  } catch {
    // Without storage it holds for this visit.
  }
}

function isSame(one: ArrayBuffer | null, other: Uint8Array): boolean {
  const bytes = new Uint8Array(one ?? new ArrayBuffer(0));
  return bytes.length === other.length && bytes.every((byte, at) => byte === other[at]);
}

/** base64url, as the node prints its key. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.trim().replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}

/** The push key of the node that this page is from; a home elsewhere does not ring here. */
async function nodeKey(): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(KEY_URL, { cache: 'no-store', credentials: 'omit' }).catch(() => null);
  if (!response) throw new EngineError('push-failed');
  if (!response.ok) throw new EngineError('push-unsupported');
  return bytesOf(await response.text());
}

function keysOf(subscription: PushSubscription): PushKeys {
  const [p256dh, auth] = [subscription.getKey('p256dh'), subscription.getKey('auth')];
  if (!p256dh || !auth) throw new EngineError('push-unsupported');
  return { endpoint: subscription.endpoint, p256dh: new Uint8Array(p256dh), auth: new Uint8Array(auth) };
}

async function subscribe(): Promise<PushKeys> {
  if (!canPush) throw new EngineError('push-unsupported');
  const key = await nodeKey();
  const { pushManager } = await navigator.serviceWorker.ready;
  let subscription = await pushManager.getSubscription();
  if (subscription && !isSame(subscription.options.applicationServerKey, key)) {
    // For the key of a node that was set up anew.
    await subscription.unsubscribe();
    subscription = null;
  }
  try {
    return keysOf(subscription ?? (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })));
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError(error instanceof DOMException && error.name === 'NotAllowedError' ? 'push-denied' : 'push-failed');
  }
}

/** Turns push on or off, by an act of the user; the browser allows notifications already. */
export async function setPush(engine: Engine, isOn: boolean): Promise<void> {
  if (isOn) await engine.setPush({ subscription: await subscribe() });
  keep(isOn);
  if (isOn) return;
  await engine.setPush({ subscription: null });
  if (!canPush) return;
  const registration = await navigator.serviceWorker.getRegistration();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}

/** Hands the engine what was on before; where that fails, the settings say that it is off. */
export async function resumePush(engine: Engine): Promise<void> {
  if (!wasOn() || Notification.permission !== 'granted') return;
  await setPush(engine, true).catch(() => undefined);
}
