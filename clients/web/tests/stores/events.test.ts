import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, it, vi } from 'vitest';

import { createClients } from '@/api/clients';
import {
  Conversation_History as History,
  ConversationEvent_Kind as Kind,
  ConversationEventSchema,
  ConversationViewSchema,
  Member_Role as Role,
} from '@/gen/plexus/messaging/v1/conversations_pb';
import { MessageSchema } from '@/gen/plexus/messaging/v1/messages_pb';
import { MessagingService } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { messages as english } from '@/messages/en';
import { messages as chinese } from '@/messages/zh-CN';
import { eventText } from '@/scenes/timeline/event-text';
import { rowsOf } from '@/scenes/timeline/rows';
import { EventsStore } from '@/stores/conversations/events';
import { ConversationLog } from '@/stores/log/log';

const LIN = 'per_lin';
const MAX = 'per_max';

function viewOf(lastSeq: number, membershipVersion = 1) {
  return create(ConversationViewSchema, {
    conversation: {
      id: 'cnv_1',
      changeNo: BigInt(lastSeq + membershipVersion),
      lastSeq: BigInt(lastSeq),
      membershipVersion: BigInt(membershipVersion),
    },
  });
}

function eventAfter(seq: number, kind = Kind.JOINED) {
  return create(ConversationEventSchema, {
    changeNo: BigInt(seq * 10 + 1),
    afterSeq: BigInt(seq),
    kind,
  });
}

/** A server with an event after every hundredth message, in pages of two. */
function platform(last: number) {
  const asked: [number, number][] = [];
  const state = { last, isDown: false };
  const calls = createRouterTransport(({ service }) => {
    service(MessagingService, {
      listConversationEvents: ({ afterSeq, throughSeq, pageToken }) => {
        if (pageToken === '') asked.push([Number(afterSeq), Number(throughSeq)]);
        if (state.isDown) throw new ConnectError('down', Code.Unavailable);
        const from = pageToken === '' ? Number(afterSeq) : Number(pageToken);
        const to = throughSeq === 0n ? state.last : Number(throughSeq);
        const seqs = [];
        for (let seq = Math.ceil(from / 100) * 100; seq <= to; seq += 100) seqs.push(seq);
        const next = seqs[2];
        return {
          events: seqs.slice(0, 2).map((seq) => eventAfter(seq)),
          nextPageToken: next === undefined ? '' : String(next),
        };
      },
    });
  });
  return { asked, state, store: new EventsStore(createClients(calls)) };
}

describe('events of a conversation', () => {
  it('are fetched once for a range, ahead of scrolling, and again after a change', async () => {
    const { asked, state, store } = platform(5000);
    const log = new ConversationLog(viewOf(5000), LIN);
    const seqs = () =>
      store
        .of(log)
        .get()
        .map(({ afterSeq }) => Number(afterSeq));
    store.show(log, { from: 4951, to: 5000, isTail: true });
    await vi.waitFor(() => expect(seqs()).toHaveLength(11));
    store.show(log, { from: 4901, to: 5000, isTail: true });
    store.show(log, { from: 4001, to: 5000, isTail: true });
    expect(asked).toEqual([[3950, 0]]);

    store.show(log, { from: 3801, to: 5000, isTail: true });
    await vi.waitFor(() => expect(seqs()[0]).toBe(2800));
    expect(asked[1]).toEqual([2800, 3950]);
    expect(seqs()).toHaveLength(23);

    state.last = 5100;
    log.applyView(viewOf(5100, 2));
    store.show(log, { from: 3801, to: 5100, isTail: true });
    await vi.waitFor(() => expect(seqs().at(-1)).toBe(5100));
    expect(new Set(seqs()).size).toBe(seqs().length);
  });

  it('of another part of the history replace those that do not touch it', async () => {
    const { store } = platform(9000);
    const log = new ConversationLog(viewOf(9000), LIN);
    store.show(log, { from: 8951, to: 9000, isTail: true });
    await vi.waitFor(() => expect(store.of(log).get().at(-1)?.afterSeq).toBe(9000n));
    store.show(log, { from: 101, to: 150, isTail: false });
    await vi.waitFor(() =>
      expect(
        store
          .of(log)
          .get()
          .map((event) => event.afterSeq),
      ).toEqual([0n, 100n]),
    );
    store.show(log, { from: 101, to: 250, isTail: false });
    await vi.waitFor(() => expect(store.of(log).get().at(-1)?.afterSeq).toBe(1200n));
  });

  it('are asked for again after a failure', async () => {
    const { asked, state, store } = platform(100);
    const log = new ConversationLog(viewOf(100), LIN);
    state.isDown = true;
    store.show(log, { from: 1, to: 100, isTail: true });
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    state.isDown = false;
    await vi.waitFor(() => {
      store.show(log, { from: 1, to: 100, isTail: true });
      expect(store.of(log).get()).toHaveLength(2);
    });
  });

  it('stand between the messages they happened between', () => {
    const log = new ConversationLog(viewOf(3), LIN);
    for (const seq of [1, 2, 3]) {
      const message = { seq: BigInt(seq), senderId: MAX, requestId: `r${seq}`, revision: 1n };
      log.applyMessage(create(MessageSchema, message));
    }
    const rows = rowsOf({
      held: log.between(2, 3),
      pending: [],
      events: [0, 1, 2, 3, 4].map((seq) => eventAfter(seq)),
      from: 2,
      to: 3,
      readThrough: 3,
      personId: LIN,
    });
    expect(rows.map(({ key }) => key).filter((key) => !key.startsWith('day'))).toEqual([
      'event:11',
      'per_max:r2',
      'event:21',
      'per_max:r3',
      'event:31',
    ]);
    // A message after an event shows its sender again.
    expect(rows.filter((row) => row.kind === 'message' && row.joined)).toEqual([]);
  });
});

describe('an event in words', () => {
  const names: Readonly<Record<string, string>> = { [LIN]: 'Lin', [MAX]: 'Max' };
  const nameOf = (id: string): string => names[id] ?? id;
  const members = (...ids: string[]) => ids.map((personId) => ({ personId, role: Role.MEMBER }));

  it.each([
    [{ kind: Kind.CREATED }, 'Lin created the conversation', 'Lin创建了会话'],
    [{ kind: Kind.JOINED, members: members(LIN) }, 'Lin joined', 'Lin加入了会话'],
    [{ kind: Kind.JOINED, members: members(MAX) }, 'Lin added Max', 'Lin添加了Max'],
    [
      { kind: Kind.JOINED, members: members('1', '2', '3', '4', '5', '6', '7') },
      'Lin added 1, 2, 3, 4, 5 and 2 more',
      'Lin添加了1、2、3、4、5和其他 2 人',
    ],
    [{ kind: Kind.LEFT, members: members(LIN) }, 'Lin left', 'Lin退出了会话'],
    [{ kind: Kind.REMOVED, members: members(MAX) }, 'Lin removed Max', 'Lin移出了Max'],
    [
      {
        kind: Kind.ROLE_CHANGED,
        members: [
          { personId: MAX, role: Role.OWNER },
          { personId: LIN, role: Role.ADMIN },
        ],
      },
      'Max is now an owner; Lin is now an administrator',
      'Max现在是群主；Lin现在是管理员',
    ],
    [
      {
        kind: Kind.CHANGED,
        changed: ['name', 'history', 'confidential', 'a field of tomorrow'],
        conversation: { name: 'New', history: History.ALL, confidential: true },
      },
      'Lin renamed the conversation to “New”; Lin let members see messages from before they ' +
        'joined; Lin made the conversation confidential',
      'Lin将会话改名为“New”；Lin允许成员查看加入之前的消息；Lin开启了保密模式',
    ],
    [{ kind: Kind.UNSPECIFIED }, '', ''],
  ])('%#', (init, inEnglish, inChinese) => {
    const event = create(ConversationEventSchema, { actorId: LIN, ...init });
    expect(eventText(event, english, nameOf)).toBe(inEnglish);
    expect(eventText(event, chinese, nameOf)).toBe(inChinese);
  });
});
