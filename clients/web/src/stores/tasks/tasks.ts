import { createClient, type Client } from '@connectrpc/connect';

import { problemOf } from '@/api/problems';
import { TasksService } from '@/gen/plexus/tasks/v1/tasks_service_pb';
import type { Unsubscribe } from '@/kit/cell';
import { milliseconds } from '@/kit/time';
import type { Workspace } from '@/stores/client';

import { TaskChanging } from './changing';
import { HeldTasks } from './held';
import { TaskLoading } from './loading';

const PAGE = 20;
const REFRESH_MS = 4_000;
/** Maximum clock difference between servers; changes in this time are fetched twice. */
const SKEW_MS = 10_000;
const MAX_PAGES = 50;
/** Rebalanced ranks do not count as changes of their tasks, so the board is reloaded (TSK-6). */
const WHOLE_BOARD_MS = 60_000;

/**
 * The tasks of this tab.
 *
 * The stream does not contain tasks, so the newest changes are polled while a scene shows them: one
 * short page, and further pages only while they contain changes.
 */
export class TasksStore {
  readonly held = new HeldTasks();
  readonly loading: TaskLoading;
  readonly changing: TaskChanging;
  readonly #client: Client<typeof TasksService>;
  #through = 0;
  #watching = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#client = createClient(TasksService, calls);
    this.loading = new TaskLoading(this.#client, this.held);
    this.changing = new TaskChanging(this.#client, this.held, this.loading);
  }

  /** Keep the loaded tasks up to date while a scene shows them and the page is visible. */
  watch(): Unsubscribe {
    this.#watching += 1;
    if (this.#watching === 1) {
      document.addEventListener('visibilitychange', this.#wake);
      this.#wake();
    }
    return () => {
      this.#watching -= 1;
      if (this.#watching > 0) return;
      document.removeEventListener('visibilitychange', this.#wake);
      clearTimeout(this.#timer);
    };
  }

  /** Reload a board periodically while it is shown. */
  watchBoard(projectId: string): Unsubscribe {
    this.loading.loadBoard(projectId);
    const again = (): void => {
      if (document.visibilityState === 'visible') this.loading.loadBoard(projectId);
    };
    const timer = setInterval(again, WHOLE_BOARD_MS);
    document.addEventListener('visibilitychange', again);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', again);
    };
  }

  readonly #wake = (): void => {
    clearTimeout(this.#timer);
    if (document.visibilityState === 'visible') void this.#refresh();
  };

  async #refresh(): Promise<void> {
    let waitMs = REFRESH_MS;
    try {
      await this.#takeChanges();
    } catch (error) {
      // The next refresh fetches the missed changes.
      waitMs = Math.max(REFRESH_MS, problemOf(error).retryAfterMs);
    }
    clearTimeout(this.#timer);
    if (this.#watching > 0 && document.visibilityState === 'visible')
      this.#timer = setTimeout(() => void this.#refresh(), waitMs);
  }

  /** Fetch the changes since the last time, newest first. */
  async #takeChanges(): Promise<void> {
    const since = this.#through - SKEW_MS;
    let through = this.#through;
    let pageToken = '';
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer = await this.#client.listTasks({ pageSize: PAGE, pageToken });
      this.held.merge(answer.tasks, true);
      const times = answer.tasks.map((task) => milliseconds(task.updatedAt));
      through = Math.max(through, ...times);
      pageToken = answer.nextPageToken;
      // The first time determines the start; scenes have loaded the tasks that they show.
      const isOver = since < 0 || pageToken === '' || (times.at(-1) ?? 0) < since;
      if (isOver) break;
    }
    this.#through = through;
  }
}
