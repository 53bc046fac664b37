import { Cell } from '@/kit/cell';

import type { Workspace } from './client';
import { storeOf } from './lazy';
import type { ConversationLog } from './log/log';
import { isMuted } from './log/settings';
import { NotificationsStore } from './notifications';

const TOGETHER_MS = 200;
const MESSAGE = 'message';

/**
 * Counts of pending items: unread messages of conversations that are not muted, and unread
 * notifications except those about messages, which are counted already.
 */
export class AttentionStore {
  readonly count = new Cell(0);
  readonly #followed = new WeakSet<ConversationLog>();
  readonly #notifications: NotificationsStore;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly workspace: Workspace) {
    this.#notifications = storeOf(workspace, NotificationsStore);
    this.#notifications.list.subscribe(() => this.#later());
    workspace.conversations.list.subscribe(() => this.#follow());
    this.#follow();
  }

  #follow(): void {
    for (const log of this.workspace.conversations.all) {
      if (this.#followed.has(log)) continue;
      this.#followed.add(log);
      log.version.subscribe(() => this.#later());
    }
    this.#later();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.count.set(this.#total());
    }, TOGETHER_MS);
  }

  #total(): number {
    const now = Date.now();
    const messages = this.workspace.conversations.all
      .filter((log) => !log.conversation.archived && !isMuted(log, now))
      .reduce((sum, log) => sum + log.counts.unread, 0);
    const others = this.#notifications.list
      .get()
      .filter(({ read, source }) => !read && source?.kind !== MESSAGE).length;
    return messages + others;
  }
}
