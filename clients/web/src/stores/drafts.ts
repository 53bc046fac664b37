import { timestampFromMs } from '@bufbuild/protobuf/wkt';

import type { Clients } from '@/api/clients';
import type { Draft } from '@/gen/plexus/messaging/v1/personal_service_pb';
import { Cell } from '@/kit/cell';
import { milliseconds } from '@/kit/time';

const SAVE_AFTER_MS = 800;

interface Kept {
  readonly text: string;
  readonly writtenAt: number;
  readonly version: bigint;
}

/** What a person has begun to write, one per conversation and thread, on every device. */
export class DraftsStore {
  /** Grows when any draft changes. */
  readonly version = new Cell(0);
  readonly #drafts = new Map<string, Kept>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly clients: Clients) {}

  async load(): Promise<void> {
    for (let pageToken = ''; ;) {
      const page = await this.clients.personal.listDrafts({ pageSize: 500, pageToken });
      for (const draft of page.drafts) this.apply(draft);
      pageToken = page.nextPageToken;
      if (pageToken === '') return;
    }
  }

  text(conversationId: string, root = 0): string {
    return this.#drafts.get(key(conversationId, root))?.text ?? '';
  }

  /** Keep what is written now, here at once and on the server after a pause. */
  write(conversationId: string, root: number, text: string): void {
    const id = key(conversationId, root);
    const known = this.#drafts.get(id);
    if ((known?.text ?? '') === text) return;
    this.#drafts.set(id, { text, writtenAt: Date.now(), version: known?.version ?? 0n });
    this.#changed();
    clearTimeout(this.#timers.get(id));
    // An emptied line was sent or given up: other devices should not offer it any longer.
    const wait = text === '' ? 0 : SAVE_AFTER_MS;
    this.#timers.set(
      id,
      setTimeout(() => void this.#save(conversationId, root), wait),
    );
  }

  /** Take a draft of another device; the newer one wins. */
  apply(draft: Pick<Draft, 'conversationId' | 'rootSeq' | 'text' | 'writtenAt' | 'version'>): void {
    const id = key(draft.conversationId, Number(draft.rootSeq));
    const known = this.#drafts.get(id);
    const writtenAt = milliseconds(draft.writtenAt);
    if (known !== undefined && (known.version >= draft.version || known.writtenAt > writtenAt))
      return;
    this.#drafts.set(id, { text: draft.text, writtenAt, version: draft.version });
    this.#changed();
  }

  async #save(conversationId: string, root: number): Promise<void> {
    const id = key(conversationId, root);
    this.#timers.delete(id);
    const kept = this.#drafts.get(id);
    if (kept === undefined) return;
    try {
      const { draft } = await this.clients.personal.saveDraft({
        conversationId,
        rootSeq: BigInt(root),
        text: kept.text,
        writtenAt: timestampFromMs(kept.writtenAt),
      });
      if (draft !== undefined) this.apply(draft);
    } catch {
      // The words stay here; the next change saves them.
      return;
    }
  }

  #changed(): void {
    this.version.update((version) => version + 1);
  }
}

function key(conversationId: string, root: number): string {
  return `${conversationId}:${root}`;
}
