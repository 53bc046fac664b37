import { fromBinary } from '@bufbuild/protobuf';
import { createClient, type Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import type { Envelope } from '@/gen/plexus/event/v1/envelope_pb';
import {
  NotificationChangedSchema,
  NotificationRaisedSchema,
} from '@/gen/plexus/notify/v1/events_pb';
import {
  Channel,
  Delivery_State,
  type Notification,
} from '@/gen/plexus/notify/v1/notifications_pb';
import { NotifyService } from '@/gen/plexus/notify/v1/notify_service_pb';
import { Cell } from '@/kit/cell';
import { Signal } from '@/kit/signal';
import { backoff, milliseconds, sleep } from '@/kit/time';

import type { Workspace } from './client';

const PAGE = 50;
const RAISED = 'plexus.notify.v1.NotificationRaised';
const CHANGED = 'plexus.notify.v1.NotificationChanged';

interface Held {
  readonly notification: Notification;
  /** Version of the newest fact; 0 if only a page contained the notification. */
  readonly version: bigint;
  /** The round of loading that contained it. */
  readonly round: number;
}

export type Loading = 'loading' | 'ready' | 'more' | 'failed';

/** The user's inbox: newest first, kept in step with the stream. */
export class NotificationsStore {
  readonly list = new Cell<readonly Notification[]>([]);
  /** Of the whole inbox, not only of the loaded part. */
  readonly unread = new Cell(0);
  readonly loading = new Cell<Loading>('loading');
  readonly hasMore = new Cell(false);
  /** Emits each new notification as it is raised. */
  readonly raised = new Signal<Notification>();
  readonly problems = new Signal<Problem>();
  readonly #client: Client<typeof NotifyService>;
  readonly #held = new Map<string, Held>();
  #round = 0;
  #nextPageToken = '';
  #loading: Promise<void> | undefined;

  constructor({ calls, frames }: Pick<Workspace, 'calls' | 'frames'>) {
    this.#client = createClient(NotifyService, calls);
    frames.on(({ frame }) => {
      const event = frame.case === 'personal' ? frame.value.event : undefined;
      if (event !== undefined) this.#take(event);
      // The stream does not repeat changes that happened while it was closed.
      if (frame.case === 'welcome') void this.load();
    });
    void this.load();
  }

  /** Fetch the newest page and the count, and retry until that succeeds. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Fetch the next page. */
  async more(): Promise<void> {
    if (this.#nextPageToken === '' || this.loading.get() === 'more') return;
    this.loading.set('more');
    try {
      await this.#page(this.#nextPageToken);
    } catch (error) {
      this.problems.emit(problemOf(error));
    }
    this.loading.set('ready');
  }

  /** Mark as read, here at once; undo it if the server refuses. Without ids: all. */
  async markRead(ids?: readonly string[]): Promise<void> {
    const wanted = ids === undefined ? undefined : new Set(ids);
    const marked = [...this.#held.values()].filter(
      ({ notification }) => !notification.read && (wanted?.has(notification.id) ?? true),
    );
    if (wanted !== undefined && marked.length === 0) return;
    const unread = this.unread.get();
    for (const held of marked) this.#put({ ...held, notification: asRead(held.notification) });
    this.unread.set(wanted === undefined ? 0 : Math.max(0, unread - marked.length));
    this.#show();
    try {
      await this.#client.markNotificationsRead({
        notificationIds: wanted === undefined ? [] : marked.map((held) => held.notification.id),
      });
    } catch (error) {
      for (const held of marked) this.#put(held);
      this.#show();
      this.problems.emit(problemOf(error));
      await this.load();
    }
  }

  async #load(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#page('');
        this.loading.set('ready');
        return;
      } catch (error) {
        const problem = problemOf(error);
        this.loading.set(this.#held.size === 0 ? 'failed' : 'ready');
        if (problem.kind === 'refused' || problem.kind === 'unauthenticated') return;
        await sleep(Math.max(backoff(attempt), problem.retryAfterMs));
      }
    }
  }

  async #page(pageToken: string): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    const page = await this.#client.listNotifications({ pageSize: PAGE, pageToken });
    let isStale = false;
    for (const notification of page.notifications) {
      const held = this.#held.get(notification.id);
      // A fact received meanwhile is newer than the page.
      if (held !== undefined && held.round >= round && held.version > 0n) isStale = true;
      else this.#put({ notification, version: held?.version ?? 0n, round });
    }
    this.#nextPageToken = page.nextPageToken;
    this.hasMore.set(page.nextPageToken !== '');
    if (!isStale) this.unread.set(page.unread);
    this.#show();
  }

  #take(event: Envelope): void {
    const notification = notificationOf(event);
    if (notification === undefined) return;
    const held = this.#held.get(notification.id);
    if (held !== undefined && held.version >= event.changeNo) return;
    const wasUnread = held === undefined ? false : !held.notification.read;
    if (isWithdrawn(notification)) this.#held.delete(notification.id);
    else this.#put({ notification, version: event.changeNo, round: this.#round });
    this.#show();
    if (held === undefined && event.type === CHANGED) {
      // Older than the loaded ones: only the server knows whether it was counted.
      void this.load();
      return;
    }
    this.unread.update((count) =>
      Math.max(0, count + Number(!notification.read) - Number(wasUnread)),
    );
    if (held === undefined && !notification.read) this.raised.emit(notification);
  }

  #put(held: Held): void {
    this.#held.set(held.notification.id, held);
  }

  #show(): void {
    this.list.set(
      [...this.#held.values()]
        .map(({ notification }) => notification)
        .sort(
          (one, other) =>
            milliseconds(other.createdAt) - milliseconds(one.createdAt) ||
            (one.id < other.id ? 1 : -1),
        ),
    );
  }
}

function notificationOf(event: Envelope): Notification | undefined {
  // Omitted because of its size: a page contains it.
  if (event.omitted) return undefined;
  if (event.type === RAISED) return fromBinary(NotificationRaisedSchema, event.fact).notification;
  if (event.type === CHANGED) return fromBinary(NotificationChangedSchema, event.fact).notification;
  return undefined;
}

/** True if it left the inbox because its cause is gone. */
function isWithdrawn({ deliveries }: Notification): boolean {
  return deliveries.some(
    ({ channel, state }) => channel === Channel.IN_APP && state === Delivery_State.DROPPED,
  );
}

function asRead(notification: Notification): Notification {
  return { ...notification, read: true };
}
