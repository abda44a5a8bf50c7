/**
 * The database key: 32 random bytes, sealed with a key of the browser that no script can read out.
 *
 * The sealing key is a non-extractable AES-GCM `CryptoKey` in IndexedDB. With a passphrase, what is sealed is not the
 * key itself but a key file in which Argon2id over the passphrase wraps it, as the command line writes it.
 */

const DATABASE = 'sottovoce';
const STORE = 'key';
const RECORD = 'database';
const VERSION = 1;

interface KeyRecord {
  version: number;
  sealing: CryptoKey;
  iv: Uint8Array<ArrayBuffer>;
  sealed: ArrayBuffer;
  isLocked: boolean;
  /** The database was made with it: one that is not there any more is lost, not new. */
  isInUse: boolean;
}

function ask<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
  });
}

async function store<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const open = indexedDB.open(DATABASE, 1);
  open.onupgradeneeded = () => open.result.createObjectStore(STORE);
  const database = await ask(open);
  try {
    const transaction = database.transaction(STORE, mode, { durability: 'strict' });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB'));
    });
    const value = await ask(work(transaction.objectStore(STORE)));
    await done;
    return value;
  } finally {
    database.close();
  }
}

async function seal(sealing: CryptoKey, secret: Uint8Array<ArrayBuffer>): Promise<Pick<KeyRecord, 'iv' | 'sealed'>> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { iv, sealed: await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, sealing, secret) };
}

/** What is known of the key without opening it. */
export interface VaultState {
  isLocked: boolean;
  isInUse: boolean;
}

/** The key's place in this browser. */
export class Vault {
  /** Null: there is no key. */
  async state(): Promise<VaultState | null> {
    const record = await this.#read();
    return record && { isLocked: record.isLocked, isInUse: record.isInUse };
  }

  /** Makes a new key in place of one that was never in use. */
  async create(): Promise<Uint8Array<ArrayBuffer>> {
    const sealing = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
    const key = crypto.getRandomValues(new Uint8Array(32));
    await this.#write({ version: VERSION, sealing, ...(await seal(sealing, key)), isLocked: false, isInUse: false });
    return key;
  }

  /** The key, or the key file that a passphrase opens. */
  async open(): Promise<Uint8Array<ArrayBuffer> | null> {
    const record = await this.#read();
    if (!record) return null;
    const secret = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: record.iv }, record.sealing, record.sealed);
    return new Uint8Array(secret);
  }

  /** The database exists from now on. */
  async use(): Promise<void> {
    const record = await this.#read();
    if (record) await this.#write({ ...record, isInUse: true });
  }

  /** Keeps another secret in place of the one before: the key, or a key file. */
  async replace(secret: Uint8Array<ArrayBuffer>, isLocked: boolean): Promise<void> {
    const record = await this.#read();
    if (record) await this.#write({ ...record, ...(await seal(record.sealing, secret)), isLocked });
  }

  async erase(): Promise<void> {
    await store('readwrite', (keys) => keys.delete(RECORD));
  }

  async #read(): Promise<KeyRecord | null> {
    const record = (await store('readonly', (keys) => keys.get(RECORD))) as KeyRecord | undefined;
    return record?.version === VERSION ? record : null;
  }

  async #write(record: KeyRecord): Promise<void> {
    await store('readwrite', (keys) => keys.put(record, RECORD));
  }
}
