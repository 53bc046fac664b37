import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, it, vi } from 'vitest';

import { ErrorInfoSchema } from '@/gen/google/rpc/error_details_pb';
import { FrameSchema, type Frame } from '@/gen/plexus/gateway/v1/session_service_pb';
import {
  NotificationChangedSchema,
  NotificationRaisedSchema,
} from '@/gen/plexus/notify/v1/events_pb';
import {
  Channel,
  NotificationKind,
  NotificationSchema,
  PreferencesSchema,
  type Notification,
  type Preferences,
} from '@/gen/plexus/notify/v1/notifications_pb';
import { NotifyService } from '@/gen/plexus/notify/v1/notify_service_pb';
import { Signal } from '@/kit/signal';
import { NotificationChoicesStore } from '@/stores/notification-choices';
import { NotificationsStore } from '@/stores/notifications';

function notification(number: number, read = false): Notification {
  return create(NotificationSchema, {
    id: `ntf_${number}`,
    title: `${number}`,
    read,
    createdAt: timestampFromMs(number * 1000),
  });
}

/** The service's own inbox, and a stream controlled by the test. */
class Inbox {
  readonly frames = new Signal<Frame>();
  readonly marked: string[][] = [];
  refuses = false;
  lists = 0;
  /** Runs while a list is in flight. */
  meanwhile: () => void = () => undefined;

  constructor(public all: Notification[]) {}

  open(): NotificationsStore {
    const calls = createRouterTransport(({ service }) => {
      service(NotifyService, {
        listNotifications: ({ pageToken }) => {
          this.lists += 1;
          const start = Number(pageToken || 0);
          const answer = {
            notifications: this.all.slice(start, start + 2),
            nextPageToken: start + 2 < this.all.length ? `${start + 2}` : '',
            unread: this.all.filter(({ read }) => !read).length,
          };
          this.meanwhile();
          return answer;
        },
        markNotificationsRead: ({ notificationIds }) => {
          if (this.refuses) throw new ConnectError('no', Code.PermissionDenied);
          this.marked.push(notificationIds);
          return { marked: notificationIds.length };
        },
      });
    });
    return new NotificationsStore({ calls, frames: this.frames });
  }

  say(what: 'raised' | 'changed', value: Notification, changeNo: number): void {
    const schema = what === 'raised' ? NotificationRaisedSchema : NotificationChangedSchema;
    const type = schema.typeName;
    const fact = toBinary(schema, create(schema, { notification: value }));
    const event = { type, fact, scope: value.id, changeNo: BigInt(changeNo) };
    this.frames.emit(create(FrameSchema, { frame: { case: 'personal', value: { event } } }));
  }
}

async function ready(store: NotificationsStore): Promise<void> {
  await vi.waitFor(() => expect(store.loading.get()).toBe('ready'), { timeout: 4_000 });
}

function shown(store: NotificationsStore): string[] {
  return store.list.get().map(({ id, read }) => (read ? `(${id})` : id));
}

describe('notifications', () => {
  it('load page by page, newest first', async () => {
    const inbox = new Inbox([notification(3), notification(2, true), notification(1)]);
    const store = inbox.open();
    await ready(store);
    expect(shown(store)).toEqual(['ntf_3', '(ntf_2)']);
    expect([store.unread.get(), store.hasMore.get()]).toEqual([2, true]);
    await store.more();
    expect(shown(store)).toEqual(['ntf_3', '(ntf_2)', 'ntf_1']);
    expect(store.hasMore.get()).toBe(false);
  });

  it('count what is raised and what another device reads, once and in any order', async () => {
    const inbox = new Inbox([notification(1)]);
    const store = inbox.open();
    await ready(store);
    const raised: string[] = [];
    store.raised.on(({ id }) => raised.push(id));
    inbox.say('raised', notification(2), 1);
    inbox.say('raised', notification(2), 1);
    expect([store.unread.get(), raised]).toEqual([2, ['ntf_2']]);
    inbox.say('changed', notification(2, true), 3);
    inbox.say('changed', notification(2), 2);
    expect(shown(store)).toEqual(['(ntf_2)', 'ntf_1']);
    expect(store.unread.get()).toBe(1);
    inbox.say('changed', notification(1, true), 2);
    expect(store.unread.get()).toBe(0);
  });

  it('keep a fact that overtakes the page with the older state', async () => {
    const inbox = new Inbox([notification(1)]);
    const store = inbox.open();
    await ready(store);
    inbox.meanwhile = () => inbox.say('changed', notification(1, true), 2);
    await store.load();
    expect(shown(store)).toEqual(['(ntf_1)']);
    expect(store.unread.get()).toBe(0);
  });

  it('load again when a stream begins anew', async () => {
    const inbox = new Inbox([notification(1)]);
    const store = inbox.open();
    await ready(store);
    inbox.all = [notification(2), notification(1, true)];
    inbox.frames.emit(create(FrameSchema, { frame: { case: 'welcome', value: {} } }));
    await vi.waitFor(() => expect(shown(store)).toEqual(['ntf_2', '(ntf_1)']));
    expect(store.unread.get()).toBe(1);
  });

  it('are marked at once, and unmarked when the server refuses', async () => {
    const inbox = new Inbox([notification(2), notification(1)]);
    const store = inbox.open();
    await ready(store);
    const marking = store.markRead(['ntf_2']);
    expect([shown(store), store.unread.get()]).toEqual([['(ntf_2)', 'ntf_1'], 1]);
    await marking;
    expect(inbox.marked).toEqual([['ntf_2']]);

    inbox.refuses = true;
    const reasons: string[] = [];
    store.problems.on(({ kind }) => reasons.push(kind));
    await store.markRead();
    expect(reasons).toEqual(['refused']);
    expect(shown(store)).toContain('ntf_1');
    expect(store.unread.get()).toBe(2);
  });

  it('are all marked by one call without ids', async () => {
    const inbox = new Inbox([notification(3), notification(2), notification(1)]);
    const store = inbox.open();
    await ready(store);
    await store.markRead();
    expect(inbox.marked).toEqual([[]]);
    expect(store.unread.get()).toBe(0);
  });
});

/** Preferences with versions, as the service stores them. */
class Choices {
  saved: Preferences = create(PreferencesSchema, {
    version: 1n,
    kinds: [{ kind: NotificationKind.MENTION, channels: [Channel.IN_APP, Channel.EMAIL] }],
    quietHours: { enabled: false, start: '22:00', end: '08:00' },
  });
  sets = 0;

  open(): NotificationChoicesStore {
    const calls = createRouterTransport(({ service }) => {
      service(NotifyService, {
        getPreferences: () => ({ preferences: this.saved }),
        setPreferences: ({ preferences, expectedVersion }) => {
          if (expectedVersion !== this.saved.version)
            throw new ConnectError('conflict', Code.Aborted, undefined, [
              { desc: ErrorInfoSchema, value: { reason: 'VERSION_CONFLICT' } },
            ]);
          this.sets += 1;
          this.saved = create(PreferencesSchema, {
            ...(preferences ?? this.saved),
            version: this.saved.version + 1n,
          });
          return { preferences: this.saved };
        },
      });
    });
    return new NotificationChoicesStore({ calls });
  }
}

describe('choices of notifications', () => {
  it('are shown at once, and what follows quickly is sent together', async () => {
    const choices = new Choices();
    const store = choices.open();
    await store.load();
    const first = store.setChannel(NotificationKind.MENTION, Channel.EMAIL, false);
    const second = store.setQuietHours({
      enabled: true,
      start: '21:00',
      end: '07:00',
      weekdays: [1],
    });
    expect(store.choices.get()?.quietHours?.start).toBe('21:00');
    expect(await Promise.all([first, second])).toEqual([undefined, undefined]);
    expect(choices.sets).toBe(1);
    expect(choices.saved.kinds[0]?.channels).toEqual([Channel.IN_APP]);
    expect(choices.saved.quietHours?.weekdays).toEqual([1]);
  });

  it('show what another device has set when they conflict with it', async () => {
    const choices = new Choices();
    const store = choices.open();
    await store.load();
    choices.saved = create(PreferencesSchema, { ...choices.saved, version: 7n, kinds: [] });
    const problem = await store.setChannel(NotificationKind.MENTION, Channel.EMAIL, false);
    expect(problem?.reason).toBe('VERSION_CONFLICT');
    expect(store.choices.get()?.kinds).toEqual([]);
    expect(await store.setChannel(NotificationKind.MENTION, Channel.EMAIL, false)).toBeUndefined();
  });
});
