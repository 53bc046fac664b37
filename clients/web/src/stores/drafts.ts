import { timestampFromMs } from '@bufbuild/protobuf/wkt';

import type { Clients } from '@/api/clients';
import type { Draft } from '@/gen/plexus/messaging/v1/personal_service_pb';
import { Cell } from '@/kit/cell';
import { mentionsOf, spansOf, type Addressed } from '@/kit/mentions';
import { milliseconds } from '@/kit/time';

const SAVE_AFTER_MS = 800;
const NOBODY: readonly Addressed[] = [];

interface Kept {
  readonly text: string;
  readonly mentions: readonly Addressed[];
  readonly writtenAt: number;
  readonly version: bigint;
}

type Arrived = Pick<
  Draft,
  'conversationId' | 'rootSeq' | 'text' | 'spans' | 'writtenAt' | 'version'
>;

/** The user's drafts, one per conversation and thread, on every device. */
export class DraftsStore {
  /** Incremented when any draft changes. */
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

  /** Return the mentions in a draft. */
  mentions(conversationId: string, root = 0): readonly Addressed[] {
    return this.#drafts.get(key(conversationId, root))?.mentions ?? NOBODY;
  }

  /** Store a draft, here at once and on the server after a pause. */
  write(conversationId: string, root: number, text: string, mentions = NOBODY): void {
    const id = key(conversationId, root);
    const known = this.#drafts.get(id);
    if ((known?.text ?? '') === text && (known?.mentions ?? NOBODY) === mentions) return;
    this.#drafts.set(id, { text, mentions, writtenAt: Date.now(), version: known?.version ?? 0n });
    this.#changed();
    clearTimeout(this.#timers.get(id));
    // An emptied draft was sent or discarded, so other devices must not offer it any longer.
    const wait = text === '' ? 0 : SAVE_AFTER_MS;
    this.#timers.set(
      id,
      setTimeout(() => void this.#save(conversationId, root), wait),
    );
  }

  /** Apply a draft of another device; the newer one wins. */
  apply(draft: Arrived): void {
    const id = key(draft.conversationId, Number(draft.rootSeq));
    const known = this.#drafts.get(id);
    const writtenAt = milliseconds(draft.writtenAt);
    if (known !== undefined && (known.version >= draft.version || known.writtenAt > writtenAt))
      return;
    const mentions = mentionsOf(draft.text, draft.spans);
    this.#drafts.set(id, { text: draft.text, mentions, writtenAt, version: draft.version });
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
        spans: spansOf(kept.text, kept.mentions) as Draft['spans'],
        mentions: kept.mentions.map(({ of }) => ({ target: targetOf(of) })),
        writtenAt: timestampFromMs(kept.writtenAt),
      });
      if (draft !== undefined) this.apply(draft);
    } catch {
      // The text stays here; the next change saves it.
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

/** Convert a mention to the contract's form. */
export function targetOf(of: Addressed['of']) {
  switch (of.kind) {
    case 'all':
      return { case: 'all', value: true } as const;
    case 'person':
      return { case: 'personId', value: of.id } as const;
    case 'department':
      return { case: 'departmentId', value: of.id } as const;
  }
}
