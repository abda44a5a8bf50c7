/** What a page may ask for: most is the core's; the worker does what needs the browser. */

import type { About, Invite, InvitePreview, Me, OutgoingFile, PushKeys } from '../platform/engine';
import { type Files, type Where, lookAtMovie } from './files';
import { getBlob } from './network';
import type { Owner } from './owner';
import { Core, bundleUrl, previewInvite, sealKey, unsealKey } from './pkg/sottovoce';
import { Refusal, refusalOf } from './refusal';
import { soon } from './soon';

/** Refusals of the database: what the core held in memory is forgotten. */
const DATABASE_CODES = new Set(['internal', 'storage-full', 'database-damaged', 'database-busy', 'database-wrong-key']);
/** What is said to the members: what of it waits already shares a transaction. */
const SAID = new Set(['sendText', 'editText', 'react', 'deleteForEveryone', 'setTimer']);
/** How long an answer from the network is waited for; what was asked goes on by itself after that. */
const OUTCOME_MS = 20_000;
/** How long the node may take to name its build. */
const BUILD_MS = 3_000;
/** Waiters that are kept at most, for answers that nobody fetched. */
const WAITERS_MAX = 1_024;
/** Messages written down in one transaction at most. */
const SAYING_MAX = 256;
/** Answers kept at most that came before their waiters. */
const EARLY_MAX = 256;

interface Outcome {
  conversation?: string | null;
  link?: string;
}
interface Acted {
  value?: unknown;
  intent?: string;
  outcome?: Outcome;
  refusal?: { code: string; values?: Record<string, string | number> };
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Another 16 bytes, the same each time, for the second step of an action. */
function secondStep(id: string): string {
  const last = Number.parseInt(id.slice(-2), 16) ^ 1;
  return id.slice(0, -2) + last.toString(16).padStart(2, '0');
}

/** Something to be said to the members, until it is written down. */
interface Saying {
  id: string;
  action: string;
  input: Record<string, unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class Actions {
  readonly #owner: Owner;
  readonly #saySoon = soon(() => this.#sayAll());
  #saying: Saying[] = [];
  readonly #waiters = new Map<string, (acted: Acted) => void>();
  readonly #early = new Map<string, Acted>();

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  async act(id: string, action: string, input: unknown): Promise<unknown> {
    const fields = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
    if (SAID.has(action)) return this.#say(id, action, fields);
    // What was asked for before is done before.
    this.#sayAll();
    switch (action) {
      case 'create':
        return this.#create(fields as { name: string; node?: string; words?: string });
      case 'unlock':
        return this.#unlock(fields as { passphrase: string });
      case 'openForThisVisit':
        return this.#openForThisVisit();
      case 'erase':
        return this.#erase();
      case 'setPassphrase':
        return this.#setPassphrase(fields as { current: string; passphrase: string });
      case 'previewInvite':
        return this.#preview(fields as { link: string });
      case 'lookAtMovie':
        return lookAtMovie(fields['data'] as Blob);
      case 'sendFiles':
        return this.#sendFiles(id, fields as { files: OutgoingFile[] });
      case 'readFile': {
        const { entry, index, offset, length } = fields as { entry: number; index: number; offset: number; length: number };
        const where = this.#core(id, 'fileWhere', { entry, index }).value as Where;
        return (await this.#files()).read(where, this.#owner.me().node, offset, length);
      }
      case 'dropFiles': {
        const { files } = fields as { files: { entry: number; index: number }[] };
        const names = files.map((place) => (this.#core(id, 'fileWhere', place).value as Where).file);
        this.#core(id, action, fields);
        this.#owner.settle();
        return (await this.#files()).drop(names);
      }
      case 'setPush':
        return this.#setPush(fields as { subscription: PushKeys | null });
      case 'about':
        return this.#about();
      case 'newGroup':
        return this.#newGroup(id, fields as { title: string; members: string[] });
      case 'safetyNumber': {
        const number = this.#core(id, action, fields).value as { qr: string };
        return { ...number, qr: fromBase64(number.qr) };
      }
      case 'exportEvidence':
        return fromBase64(this.#core(id, action, fields).value as string);
      case 'verifyQr':
        this.#core(id, action, { ...fields, qr: toBase64(fields['qr'] as Uint8Array) });
        this.#owner.settle();
        return undefined;
      case 'setPicture': {
        const picture = fields['picture'] as Uint8Array | null;
        this.#core(id, action, { picture: picture && toBase64(picture) });
        this.#owner.settle();
        return undefined;
      }
      default:
        return this.#usual(id, action, fields);
    }
  }

  /** Answers that came with the last transaction. */
  outcomes(json: string): void {
    if (json === '[]') return;
    for (const acted of JSON.parse(json) as Acted[]) {
      if (acted.intent === undefined) continue;
      const waiter = this.#waiters.get(acted.intent);
      this.#waiters.delete(acted.intent);
      if (waiter) waiter(acted);
      else this.#keep(acted.intent, acted);
    }
  }

  /** An answer may come before its waiter. */
  #keep(intent: string, acted: Acted): void {
    this.#early.set(intent, acted);
    for (const oldest of this.#early.keys()) {
      if (this.#early.size <= EARLY_MAX) break;
      this.#early.delete(oldest);
    }
  }

  #say(id: string, action: string, input: Record<string, unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#saying.push({ id, action, input, resolve, reject });
      if (this.#saying.length >= SAYING_MAX) this.#sayAll();
      else if (this.#saying.length === 1) this.#saySoon();
    });
  }

  /** Writes down what waits to be said, in one transaction; each is answered when all are durable. */
  #sayAll(): void {
    if (this.#saying.length === 0) return;
    const all = this.#saying;
    this.#saying = [];
    const wishes = JSON.stringify(all.map(({ id, action, input }) => [id, action, input]));
    let answers: Acted[];
    try {
      answers = JSON.parse(this.#asked((core) => core.sayAll(Date.now(), wishes))) as Acted[];
    } catch (error) {
      for (const { reject } of all) reject(error);
      return;
    }
    this.#owner.settle();
    all.forEach(({ resolve, reject }, at) => {
      const { value, refusal } = answers[at] ?? {};
      if (refusal) reject(new Refusal(refusal.code, refusal.values));
      else resolve(value ?? undefined);
    });
  }

  /** One call of the core, carried out before it is answered: what it wrote is durable. */
  #core(id: string, action: string, input: unknown): Acted {
    return JSON.parse(this.#asked((core) => core.act(Date.now(), id, action, JSON.stringify(input)))) as Acted;
  }

  /** Why nothing can be asked for now; a disk that is full has a sentence of its own, whoever found it full. */
  #notReady(): Refusal {
    const { boot } = this.#owner;
    if (boot?.state !== 'stopped') return new Refusal('no-account');
    return new Refusal(boot.reason === 'storage-full' ? 'storage-full' : 'stopped');
  }

  #asked(ask: (core: Core) => string): string {
    const { core, boot } = this.#owner;
    if (!core || boot?.state !== 'ready') throw this.#notReady();
    try {
      return ask(core);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal && DATABASE_CODES.has(refusal.code)) this.#owner.databaseFailed();
      throw error;
    }
  }

  async #usual(id: string, action: string, input: Record<string, unknown>): Promise<unknown> {
    const acted = this.#core(id, action, input);
    if (acted.intent === undefined) {
      this.#owner.settle();
      return acted.value ?? undefined;
    }
    const outcome = await this.#outcome(acted);
    switch (action) {
      case 'invite':
        if (!outcome?.link) throw new Refusal('offline');
        return JSON.parse(this.#owner.core?.inviteByLink(outcome.link) ?? 'null') as Invite;
      case 'accept':
      case 'add':
      case 'answerRequest':
      case 'restart':
        return { conversation: outcome?.conversation ?? null };
      default:
        return undefined;
    }
  }

  /** What an intent led to; null where the network takes its time: it is written down and goes on by itself. */
  async #outcome(acted: Acted): Promise<Outcome | null> {
    const known = this.#known(acted) ?? (await this.#wait(acted.intent ?? ''));
    if (known?.refusal) throw new Refusal(known.refusal.code, known.refusal.values);
    return known?.outcome ?? null;
  }

  /** The answer of an intent, where it is known already. */
  #known(acted: Acted): Acted | null {
    this.#owner.settle();
    if (acted.outcome || acted.refusal || acted.intent === undefined) return acted;
    const early = this.#early.get(acted.intent) ?? null;
    this.#early.delete(acted.intent);
    return early;
  }

  #wait(intent: string): Promise<Acted | null> {
    if (this.#waiters.size >= WAITERS_MAX) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(intent);
        resolve(null);
      }, OUTCOME_MS);
      this.#waiters.set(intent, (acted) => {
        clearTimeout(timer);
        resolve(acted);
      });
    });
  }

  async #files(): Promise<Files> {
    await this.#owner.filesOpened;
    const { files } = this.#owner;
    if (!files) throw new Refusal('storage-refused');
    return files;
  }

  /** Seals each file into a copy, then writes the message down. */
  async #sendFiles(id: string, input: { files: OutgoingFile[] }): Promise<unknown> {
    const files = await this.#files();
    const sealed: Record<string, unknown>[] = [];
    try {
      for (const file of input.files) sealed.push(await files.seal(file));
      const sent = this.#core(id, 'sendFiles', { ...input, files: sealed }).value;
      this.#owner.settle();
      return sent;
    } catch (error) {
      await files.unseal(sealed.map((file) => file['file'] as string));
      throw error;
    }
  }

  async #newGroup(id: string, input: { title: string; members: string[] }): Promise<unknown> {
    const made = await this.#outcome(this.#core(id, 'newGroup', { title: input.title }));
    const conversation = made?.conversation;
    if (!conversation) throw new Refusal('offline');
    if (input.members.length > 0) {
      // Whoever is added comes when their node answers; a refusal that is known at once is told.
      const added = this.#known(this.#core(secondStep(id), 'addMembers', { conversation, accounts: input.members }));
      if (added?.refusal) throw new Refusal(added.refusal.code, added.refusal.values);
    }
    return { conversation };
  }

  async #create(input: { name: string; node?: string; words?: string }): Promise<Me> {
    const owner = this.#owner;
    // Asked for again after another worker took over: it is there.
    if (owner.boot?.state === 'ready') return owner.me();
    if (owner.boot?.state !== 'empty' || !owner.core) throw new Refusal('stopped');
    const key = owner.isVolatile ? new Uint8Array(32) : await this.#newKey();
    owner.core.create(key, input.node ?? owner.boot.defaultNode, input.name.trim(), input.words, Date.now());
    if (!owner.isVolatile) await owner.vault.use();
    owner.setBoot(owner.ready());
    return owner.me();
  }

  /** The key of a database that was begun, else a new one. */
  async #newKey(): Promise<Uint8Array> {
    const { vault, core } = this.#owner;
    const begun = core?.hasDatabase() ? await vault.open() : null;
    return begun ?? vault.create();
  }

  async #unlock(input: { passphrase: string }): Promise<Me> {
    const owner = this.#owner;
    if (owner.boot?.state === 'ready') return owner.me();
    const sealed = await owner.vault.open();
    if (!sealed) throw new Refusal('no-account');
    owner.setBoot(owner.openWith(unsealKey(sealed, input.passphrase)));
    return owner.me();
  }

  #openForThisVisit(): Promise<unknown> {
    const owner = this.#owner;
    if (owner.boot?.state === 'stopped' && owner.boot.reason === 'storage-refused') {
      owner.core = Core.volatile();
      owner.isVolatile = true;
      owner.setBoot(owner.empty());
    }
    return Promise.resolve(owner.boot);
  }

  async #erase(): Promise<void> {
    const owner = this.#owner;
    owner.close();
    await owner.eraseFiles();
    owner.core?.erase();
    await owner.vault.erase();
    owner.hasPassphrase = false;
    owner.setBoot(owner.core ? owner.empty() : { state: 'stopped', reason: 'storage-refused' });
  }

  async #setPassphrase(input: { current: string; passphrase: string }): Promise<void> {
    const owner = this.#owner;
    if (owner.boot?.state !== 'ready' || owner.isVolatile) throw new Refusal('no-account');
    const secret = await owner.vault.open();
    if (!secret) throw new Refusal('key-damaged');
    const key = owner.hasPassphrase ? unsealKey(secret, input.current) : secret;
    const isLocked = input.passphrase !== '';
    const next = isLocked ? sealKey(key, input.passphrase) : key;
    await owner.vault.replace(next as Uint8Array<ArrayBuffer>, isLocked);
    owner.hasPassphrase = isLocked;
    owner.topics.touch('settings');
  }

  #setPush({ subscription }: { subscription: PushKeys | null }): Promise<void> {
    const { core, boot } = this.#owner;
    if (!core || boot?.state !== 'ready') throw new Refusal('no-account');
    const none = new Uint8Array();
    core.setBell(subscription?.endpoint, subscription?.p256dh ?? none, subscription?.auth ?? none);
    this.#owner.settle();
    return Promise.resolve();
  }

  async #preview(input: { link: string }): Promise<InvitePreview> {
    const { status, bytes } = await getBlob(bundleUrl(input.link));
    if (status === 1) throw new Refusal('invite-gone');
    return JSON.parse(previewInvite(input.link, status === 0 ? bytes : undefined, Date.now())) as InvitePreview;
  }

  /** What the node serves is what runs here, unless a newer version waits; without network nobody says. */
  async #build(): Promise<string> {
    try {
      const response = await fetch('/version', { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(BUILD_MS) });
      const { web } = (await response.json()) as { web: string | null };
      return web ?? '';
    } catch {
      return '';
    }
  }

  async #about(): Promise<About> {
    const [estimate, build] = await Promise.all([navigator.storage?.estimate?.(), this.#build()]);
    return {
      version: (import.meta.env['VITE_VERSION'] as string | undefined) ?? '0.1.0',
      build,
      storageBytes: estimate?.usage ?? null,
      storageQuotaBytes: estimate?.quota ?? null,
    };
  }
}
