const DATABASE = 'plexus';
const STORE = 'kept';
const IV_BYTES = 12;
const WIPE_MS = 1_000;

interface Sealed {
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly content: ArrayBuffer;
}

/**
 * Storage of a user in this browser, encrypted (AES-GCM) with the key of the session.
 *
 * The key is part of the tokens' response and never stored: once the session has ended, the content
 * is unreadable. Content of another session is deleted when found.
 */
export class Vault {
  private constructor(
    private readonly database: IDBDatabase,
    private readonly key: CryptoKey,
    private readonly personId: string,
  ) {
    // Another tab deletes it.
    database.onversionchange = () => database.close();
  }

  /** Open the vault of a session. Rejects if the browser has no storage. */
  static async open(cacheKey: Uint8Array, personId: string): Promise<Vault> {
    const bytes = new Uint8Array(cacheKey);
    const key = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, [
      'encrypt',
      'decrypt',
    ]);
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return new Vault(await done(request), key, personId);
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const algorithm = { name: 'AES-GCM', iv, additionalData: this.#label(name) };
    const sealed = await crypto.subtle.encrypt(algorithm, this.key, new Uint8Array(content));
    const record: Sealed = { iv, content: sealed };
    await done(this.#store('readwrite').put(record, this.#name(name)));
  }

  /** Return the content of a name; undefined if there is none that can be decrypted. */
  async get(name: string): Promise<Uint8Array | undefined> {
    const record = (await done(this.#store('readonly').get(this.#name(name)))) as
      Sealed | undefined;
    if (record === undefined) return undefined;
    try {
      const algorithm = {
        name: 'AES-GCM',
        iv: record.iv,
        additionalData: this.#label(name),
      };
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, this.key, record.content));
    } catch {
      // Content of an ended session, which can no longer be decrypted.
      await this.remove(name);
      return undefined;
    }
  }

  /** Return the names that begin with a prefix. */
  async names(prefix: string): Promise<readonly string[]> {
    const from = this.#name(prefix);
    const range = IDBKeyRange.bound(from, `${from}\uffff`);
    const keys = await done(this.#store('readonly').getAllKeys(range));
    return keys.flatMap((key) =>
      typeof key === 'string' ? [key.slice(this.personId.length + 1)] : [],
    );
  }

  async remove(name: string): Promise<void> {
    await done(this.#store('readwrite').delete(this.#name(name)));
  }

  #store(mode: IDBTransactionMode): IDBObjectStore {
    return this.database.transaction(STORE, mode).objectStore(STORE);
  }

  #name(name: string): string {
    return `${this.personId}/${name}`;
  }

  #label(name: string): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(this.#name(name));
  }
}

/** Delete all stored content of every user. Resolves after a second at the latest. */
export async function wipeVault(): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, WIPE_MS);
    const request = indexedDB.deleteDatabase(DATABASE);
    request.onsuccess = () => resolve();
    request.onerror = () => resolve();
  });
}

async function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB has failed.'));
  });
}
