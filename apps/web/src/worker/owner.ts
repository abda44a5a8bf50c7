/** The owner of the engine: opens it, feeds it, and answers every tab's page. */

import type { Boot, Entry, Me, Network as NetworkState, Settings, StopReason, Topic } from '../platform/engine';
import { canTakeChannels } from '../platform/peer';
import { PROTOCOL, tabChannel, tabLock } from '../platform/protocol';
import type { GroupKeys, KeysWish, ToOwner } from '../platform/protocol';
import { Actions } from './actions';
import { withBufferedHandles } from './buffered';
import { eraseCopies, openCopies } from './copies';
import { Direct } from './direct';
import { Files } from './files';
import { Refusal, refusalOf } from './refusal';
import { Network } from './network';
import type { Outgoing } from './network';
import initialise, { Core } from './pkg/sottovoce';
import { soon } from './soon';
import { Topics } from './topics';
import type { Change, Send } from './topics';
import { Vault } from './vault';

/** The folder in the origin's private file system. */
const FOLDER = 'sottovoce';
/** The tab before this one may still be letting its files go. */
const MOUNT_TRIES = 60;
const MOUNT_AGAIN_MS = 50;
/** Things for one transaction before the next event is looked at. */
const WAITING_MAX = 1_024;
/** Nonces tried in one go: a few milliseconds. */
const TRIES = 1_024;
/** Failures in a row after which the database is taken for broken. */
const FAILURES_MAX = 5;
/** So long after the last message that came with a connection, the next is news. */
const CATCH_UP_MS = 400;
/** A timer of the browser holds no more than 2^31 - 1 milliseconds. */
const SLEEP_MAX_MS = 24 * 3_600_000;

/** Calls whose keys are waited for at most; there is one. */
const KEY_WISHES_MAX = 4;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function stopReason(code: string): StopReason {
  switch (code) {
    case 'storage-full':
    case 'storage-refused':
    case 'database-newer':
      return code;
    case 'database-missing':
      return 'storage-lost';
    case 'database-busy':
      return 'older-tab';
    default:
      return 'database-damaged';
  }
}

/** The node answers STUN on the port of HTTP (CALLS.md s.6). */
function stunOf(node: string): string {
  const { hostname, port, protocol } = new URL(node);
  return `stun:${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

export class Owner {
  readonly topics: Topics;
  readonly vault = new Vault();
  core: Core | null = null;
  boot: Boot | null = null;
  isVolatile = false;
  hasPassphrase = false;
  /** Moves files, once the account is open. */
  files: Files | null = null;
  /** When that is settled: pictures are asked for as soon as the first messages are there. */
  filesOpened: Promise<void> = Promise.resolve();
  readonly #tab: string;
  readonly #compiled: Promise<WebAssembly.Module>;
  readonly #crash: (error: unknown) => void;
  readonly #toPage: Send;
  #direct: Direct | null = null;
  readonly #actions: Actions;
  readonly #channels = new Map<string, BroadcastChannel>();
  readonly #runSoon: () => void;
  readonly #solveSoon: () => void;
  readonly #underWay = new Set<string>();
  readonly #started: Promise<void>;
  #hasStarted: () => void = () => undefined;
  readonly #keyWishes = new Map<string, string>();
  /** Of calls of many: a key for each epoch, until the call is over here. */
  readonly #groupWishes = new Map<string, { channel: BroadcastChannel; epoch: number; call: string }>();
  #network: Network | null = null;
  #isRunAsked = false;
  #isSolveAsked = false;
  #wake: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #isPersistent = false;
  /** Messages that came with a connection so far; null when what comes is news. */
  #caughtUp: number | null = null;
  #catchUpEnd: ReturnType<typeof setTimeout> | undefined;
  #pauseEnd: ReturnType<typeof setTimeout> | undefined;

  /** `compiled` is the core's code, which may still be on its way. */
  constructor(tab: string, compiled: Promise<WebAssembly.Module>, crash: (error: unknown) => void, toPage: Send) {
    this.#toPage = toPage;
    this.#tab = tab;
    this.#compiled = compiled;
    this.#crash = crash;
    this.topics = new Topics(
      (topic, key) => this.#query(topic, key),
      (id) => (this.core?.picture(id) as Uint8Array<ArrayBuffer> | undefined) ?? null,
    );
    this.#actions = new Actions(this);
    this.#started = new Promise((resolve) => {
      this.#hasStarted = resolve;
    });
    this.#runSoon = soon(() => {
      this.#isRunAsked = false;
      this.run();
    });
    this.#solveSoon = soon(() => {
      this.#isSolveAsked = false;
      this.#guard(() => {
        if (this.core?.solve(TRIES)) this.#askToSolve();
        if (this.core?.waiting()) this.wake();
      });
    });
    self.addEventListener('online', () => {
      this.#network?.online();
      this.topics.touch('network');
    });
    self.addEventListener('offline', () => {
      this.#network?.offline();
      this.topics.touch('network');
    });
  }

  /** Where another tab's page hears us; the channel is dropped when that tab is gone. */
  channelOf(tab: string): BroadcastChannel {
    let channel = this.#channels.get(tab);
    if (!channel) {
      const made = new BroadcastChannel(tabChannel(tab));
      this.#channels.set(tab, made);
      channel = made;
      void navigator.locks.request(tabLock(tab), () => {
        this.topics.leave(tab);
        this.#channels.delete(tab);
        made.close();
      });
    }
    return channel;
  }

  /** Opens what is in this browser; calls are answered after that. */
  async start(): Promise<void> {
    await this.#begin();
    this.#hasStarted();
  }

  async #begin(): Promise<void> {
    try {
      await initialise({ module_or_path: await this.#compiled });
    } catch {
      this.setBoot({ state: 'stopped', reason: 'browser-too-old' });
      return;
    }
    try {
      this.setBoot(await this.#open());
    } catch (error) {
      const refusal = refusalOf(error);
      if (!refusal) throw error;
      console.error('the storage does not open:', refusal.code, refusal.values['detail'] ?? '');
      this.setBoot({ state: 'stopped', reason: stopReason(refusal.code) });
    }
  }

  async #open(): Promise<Boot> {
    if (typeof navigator.storage?.getDirectory !== 'function') return { state: 'stopped', reason: 'storage-refused' };
    this.core = await this.#mount();
    this.#isPersistent = (await navigator.storage.persisted?.()) ?? false;
    const [hasDatabase, key] = [this.core.hasDatabase(), await this.vault.state()];
    if (!hasDatabase) return key?.isInUse ? { state: 'stopped', reason: 'storage-lost' } : this.empty();
    if (!key) return { state: 'stopped', reason: 'storage-lost' };
    this.hasPassphrase = key.isLocked;
    if (key.isLocked) return { state: 'locked' };
    const secret = await this.vault.open();
    if (!secret) return { state: 'stopped', reason: 'storage-lost' };
    return this.openWith(secret);
  }

  async #mount(): Promise<Core> {
    for (let tries = 1; ; tries++) {
      try {
        return await withBufferedHandles(() => Core.mount(FOLDER));
      } catch (error) {
        if (!refusalOf(error) || tries >= MOUNT_TRIES) throw error;
        await sleep(MOUNT_AGAIN_MS);
      }
    }
  }

  /** Opens the database with its key. */
  openWith(key: Uint8Array): Boot {
    try {
      this.core?.open(key, Date.now());
    } catch (error) {
      // Made, and then the page was closed before the account was.
      if (refusalOf(error)?.code === 'no-account') return this.empty();
      throw error;
    }
    return this.ready();
  }

  empty(): Boot {
    return { state: 'empty', defaultNode: self.location.origin };
  }

  /** The account is open: begins to connect. */
  ready(): Boot {
    const core = this.core;
    if (!core) throw new Refusal('no-account');
    this.#network?.stop();
    this.#network = new Network(core, {
      wake: () => this.wake(),
      changed: () => this.topics.touch('network'),
      connected: () => this.#catchUp(),
      isUrgent: () => core.query('call', '[]') !== 'null' || core.query('groupCall', '[]') !== 'null',
      file: (order) => this.files?.perform(order),
    });
    this.filesOpened = new Promise((resolve) => { void this.#beginFiles(core, resolve); });
    this.wake();
    return { state: 'ready', me: this.me(), isPersistent: this.isPersistent };
  }

  /** Messages do not wait for the folder of files; files do. */
  async #beginFiles(core: Core, opened: () => void): Promise<void> {
    this.files?.stop();
    this.files = null;
    this.#direct = null;
    try {
      const copies = await openCopies(this.isVolatile);
      const files = new Files(core, copies, { settle: () => this.settle(), failed: (error) => this.#guard(() => this.#failed(error)) });
      if (this.core !== core || this.boot?.state !== 'ready') return;
      if (canTakeChannels()) {
        this.#direct = new Direct(core, copies, {
          ask: (ask) => this.#toPage({ t: 'peer', ask }),
          stun: () => stunOf(this.me().node),
          settle: () => this.settle(),
          failed: (error) => this.#guard(() => this.#failed(error)),
        });
        files.direct = this.#direct;
      }
      this.files = files;
      opened();
      await files.start();
      const { bytes_max: bytesMax } = await files.terms(this.me().node);
      files.fileBytesMax = bytesMax;
      this.topics.touch('storage');
    } catch (error) {
      // Without a folder no file moves; without the node its limit is asked for when one does.
      if (refusalOf(error)) console.error('files:', refusalOf(error)?.code);
    } finally {
      opened();
    }
  }

  /** Removes every sealed copy. */
  async eraseFiles(): Promise<void> {
    this.files?.stop();
    this.files = null;
    if (!this.isVolatile) await eraseCopies();
  }

  get isPersistent(): boolean {
    return this.#isPersistent && !this.isVolatile;
  }

  me(): Me {
    return JSON.parse(this.core?.query('me', '[]') ?? 'null') as Me;
  }

  setBoot(boot: Boot): void {
    this.boot = boot;
    if (boot.state === 'stopped') this.#network?.stop();
    this.topics.broadcast({ t: 'boot', boot });
    if (boot.state === 'ready') this.topics.refresh();
  }

  /** Closes and forgets the network; what is in memory goes with the core. */
  close(): void {
    this.#network?.stop();
    this.#network = null;
    clearTimeout(this.#wake);
    this.core?.close();
  }

  /** Takes what a page says. */
  hear(message: ToOwner, send: Send): void {
    if (message.t === 'peer') {
      this.#direct?.hear(message.news);
      return;
    }
    if (message.t === 'hello') {
      send({ t: 'owner', owner: this.#tab, version: PROTOCOL });
      if (message.version !== PROTOCOL) return;
      this.topics.join(message.tab, send);
      if (this.boot) send({ t: 'boot', boot: this.boot });
      return;
    }
    if (!this.topics.has(message.tab)) {
      // Its worker was another a moment ago: let it say hello first.
      send({ t: 'owner', owner: this.#tab, version: PROTOCOL, isAgain: true });
      return;
    }
    this.#guard(() => {
      switch (message.t) {
        case 'watch':
          this.topics.watch(message.tab, message.sub, message.topic, message.key);
          break;
        case 'unwatch':
          this.topics.unwatch(message.tab, message.sub);
          break;
        case 'persisted':
          void this.#askPersisted();
          break;
        case 'call':
          void this.#answer(message.id, message.action, message.input, send);
          break;
      }
    });
  }

  /** Answers a call once, however often it is asked while it is under way. */
  async #answer(id: string, action: string, input: unknown, send: Send): Promise<void> {
    if (this.#underWay.has(id)) return;
    this.#underWay.add(id);
    await this.#started;
    try {
      send({ t: 'answer', id, value: await this.#actions.act(id, action, input) });
    } catch (error) {
      const refusal = refusalOf(error);
      if (!refusal) {
        this.#crash(error);
        return;
      }
      send({ t: 'refusal', id, code: refusal.code, values: refusal.values });
    } finally {
      this.#underWay.delete(id);
    }
  }

  async #askPersisted(): Promise<void> {
    this.#isPersistent = (await navigator.storage.persisted?.()) ?? false;
    if (this.boot?.state === 'ready') this.setBoot({ ...this.boot, isPersistent: this.isPersistent });
    this.topics.touch('settings');
  }

  /** Runs the core after the events that wait already, so that they share a transaction. */
  wake(): void {
    if ((this.core?.waiting() ?? 0) >= WAITING_MAX) {
      this.run();
    } else if (!this.#isRunAsked) {
      this.#isRunAsked = true;
      this.#runSoon();
    }
  }

  /** Runs the core now. */
  run(): void {
    this.#guard(() => {
      const core = this.core;
      if (!core || this.boot?.state !== 'ready') return;
      try {
        core.run(Date.now());
        this.#failures = 0;
      } catch (error) {
        this.#failed(error);
      }
      this.settle();
    });
  }

  /** Nothing was written: every connection is made anew, which asks for all of it again. */
  databaseFailed(): void {
    this.#network?.closeAll();
    this.wake();
  }

  #failed(error: unknown): void {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    this.#failures += 1;
    this.databaseFailed();
    if (refusal.code === 'storage-full' || this.#failures >= FAILURES_MAX) {
      this.setBoot({ state: 'stopped', reason: stopReason(refusal.code) });
    }
  }

  /** Carries out what a call of the core led to. */
  settle(): void {
    const core = this.core;
    if (!core) return;
    this.#network?.perform(core.takeOutgoing() as Outgoing[]);
    const changes = JSON.parse(core.takeChanges()) as Change[];
    if (changes.length > 0) {
      this.topics.changed(changes);
      if (changes.some(([what]) => what === 'call')) this.#giveKeys();
      this.#announce(changes);
    }
    this.#actions.outcomes(core.takeOutcomes());
    this.#askToSolve();
    this.#sleep(core);
  }

  /** The worker of a call's media asks for its keys; they go from here to there, past every page. */
  wishKeys({ call, channel, isGroup }: KeysWish): void {
    if (isGroup) this.#groupWishes.set(channel, { channel: new BroadcastChannel(channel), epoch: -1, call });
    else this.#keyWishes.set(call, channel);
    this.#guard(() => this.#giveKeys());
  }

  #giveGroupKeys(): void {
    for (const [name, wish] of this.#groupWishes) {
      const keys = this.core?.groupCallKeys(wish.call) as GroupKeys | undefined;
      if (keys && keys.epoch !== wish.epoch) {
        wish.epoch = keys.epoch;
        wish.channel.postMessage(keys);
        keys.baseKey.fill(0);
      }
      // It had keys and has none: the call is over here.
      if ((!keys && wish.epoch >= 0) || this.#groupWishes.size > KEY_WISHES_MAX) {
        wish.channel.close();
        this.#groupWishes.delete(name);
      }
    }
  }

  #giveKeys(): void {
    this.#giveGroupKeys();
    for (const [call, name] of this.#keyWishes) {
      const keys: unknown = this.core?.callKeys(call);
      if (keys === undefined) continue;
      this.#keyWishes.delete(call);
      const channel = new BroadcastChannel(name);
      channel.postMessage(keys);
      channel.close();
    }
    for (const oldest of this.#keyWishes.keys()) {
      if (this.#keyWishes.size <= KEY_WISHES_MAX) break;
      this.#keyWishes.delete(oldest);
    }
  }

  #lookAgainAt(ms: number): void {
    clearTimeout(this.#pauseEnd);
    this.#pauseEnd = setTimeout(() => this.topics.touch('network'), Math.min(Math.max(ms - Date.now(), 0) + 1, SLEEP_MAX_MS));
  }

  #askToSolve(): void {
    if (this.#isSolveAsked) return;
    this.#isSolveAsked = true;
    this.#solveSoon();
  }

  #sleep(core: Core): void {
    clearTimeout(this.#wake);
    const at = core.wakeAt();
    if (Number.isNaN(at)) return;
    this.#wake = setTimeout(() => this.run(), Math.min(Math.max(at - Date.now(), 0), SLEEP_MAX_MS));
  }

  #catchUp(): void {
    this.#caughtUp ??= 0;
    clearTimeout(this.#catchUpEnd);
    this.#catchUpEnd = setTimeout(() => {
      this.#caughtUp = null;
      this.core?.caughtUp();
      this.topics.touch('network');
    }, CATCH_UP_MS);
  }

  /** Cells that came of those that there are; null when all is read, or nothing was to be. */
  #catchingUp(core: Core): NetworkState['catchingUp'] {
    if (!this.#caughtUp) return null;
    const [done, total] = JSON.parse(core.progress()) as [number, number];
    return { done, total };
  }

  #announce(changes: Change[]): void {
    const added = changes.flatMap(([what, , entry]) => (what === 'added' && entry !== undefined ? [entry] : []));
    if (added.length === 0) return;
    if (this.#caughtUp !== null) {
      this.#caughtUp += added.length;
      this.#catchUp();
      this.topics.touch('network');
      return;
    }
    const entries = JSON.parse(this.core?.query('entries', JSON.stringify(added)) ?? '[]') as Entry[];
    const news = entries.filter((entry) => entry.delivery === 'received' && entry.isUnread);
    if (news.length > 0) this.topics.broadcast({ t: 'arrival', entries: news });
  }

  #query(topic: Topic, key: unknown[]): string {
    const core = this.core;
    if (!core || this.boot?.state !== 'ready') return '';
    switch (topic) {
      case 'network': {
        const pausedUntil = core.pausedUntil(Date.now());
        // It is shown until it is over.
        if (!Number.isNaN(pausedUntil)) this.#lookAgainAt(pausedUntil);
        return JSON.stringify({
          state: this.isOnline ? 'online' : navigator.onLine ? 'connecting' : 'offline',
          retryAtMs: Number.isNaN(pausedUntil) ? null : pausedUntil,
          waiting: JSON.parse(core.query('pending', '[]')),
          catchingUp: this.#catchingUp(core),
        });
      }
      case 'settings': {
        const settings = JSON.parse(core.query('settings', '[]')) as Partial<Settings>;
        return JSON.stringify({
          ...settings, hasPassphrase: this.hasPassphrase, push: core.push(), isPersistent: this.isPersistent,
        });
      }
      case 'storage':
        return JSON.stringify({ ...(JSON.parse(core.query('storage', '[]')) as object), fileBytesMax: this.files?.fileBytesMax ?? null });
      default:
        return core.query(topic, JSON.stringify(key));
    }
  }

  /** The home node answers. */
  get isOnline(): boolean {
    return this.boot?.state === 'ready' && (this.#network?.isConnected(this.boot.me.node) ?? false);
  }

  /** What is no refusal is a bug or a panic: the engine begins again from the disk. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (refusalOf(error)) console.error('refused:', refusalOf(error)?.code);
      else this.#crash(error);
    }
  }
}
