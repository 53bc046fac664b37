import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';

import { createClients } from '@/api/clients';
import { ErrorInfoSchema } from '@/gen/google/rpc/error_details_pb';
import {
  ConversationViewSchema,
  Member_Role as Role,
} from '@/gen/plexus/messaging/v1/conversations_pb';
import { Notify } from '@/gen/plexus/messaging/v1/messages_pb';
import {
  MessagingService,
  type ForwardMessagesRequest,
  type SendMessageRequest,
} from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { ConversationsStore } from '@/stores/conversations/conversations';
import { foldersOf, passes } from '@/stores/conversations/filter';
import { ForwardingStore } from '@/stores/forwarding';
import { ConversationLog } from '@/stores/log/log';
import { MembersStore } from '@/stores/members';
import { Outbox, type Unreached } from '@/stores/outbox';
import { PeopleStore } from '@/stores/people';

const ME = 'per_me';
const DAY = 86_400_000;

function viewOf(id: string, lastSeq = 0, more: { folder?: string; archived?: boolean } = {}) {
  return create(ConversationViewSchema, {
    conversation: {
      id,
      lastSeq: BigInt(lastSeq),
      membershipVersion: 1n,
      archived: more.archived ?? false,
    },
    settings: { conversationId: id, folder: more.folder ?? '' },
  });
}

describe('the outbox', () => {
  it('sends ids of mentions and reports people who are not in the conversation', async () => {
    const asked: SendMessageRequest[] = [];
    const calls = createRouterTransport(({ service }) => {
      service(MessagingService, {
        sendMessage: (request) => {
          asked.push(request);
          return { messageId: 'msg_1', seq: 1n, notInConversation: ['per_out'] };
        },
      });
    });
    const clients = createClients(calls);
    const outbox = new Outbox(clients, new ConversationsStore(clients, ME));
    const unreached = new Promise<Unreached>((resolve) => void outbox.unreached.on(resolve));
    outbox.send({
      conversationId: 'cnv_1',
      text: '@林薇 好',
      markdown: '<@per_out|@林薇> 好',
      replyToSeq: 0,
      quoteSeq: 0,
      notify: Notify.NONE,
    });
    expect(outbox.pending.get()[0]?.text).toBe('@林薇 好');
    expect(await unreached).toEqual({ conversationId: 'cnv_1', personIds: ['per_out'] });
    expect(asked.map(({ text, notify }) => [text, notify])).toEqual([
      ['<@per_out|@林薇> 好', Notify.NONE],
    ]);
  });
});

describe('members', () => {
  function storeWith(refusal = '') {
    const roles = new Map([[ME, Role.OWNER]]);
    const calls = createRouterTransport(({ service }) => {
      service(MessagingService, {
        listMembers: ({ pageToken }) => ({
          members: [...roles]
            .slice(pageToken === '' ? 0 : 1, pageToken === '' ? 1 : undefined)
            .map(([personId, role]) => ({ personId, role, active: personId !== 'per_left' })),
          nextPageToken: pageToken === '' && roles.size > 1 ? 'next' : '',
        }),
        addMembers: ({ personIds, role }) => {
          if (refusal !== '') {
            const error = new ConnectError('refused', Code.FailedPrecondition);
            error.details = [
              { desc: ErrorInfoSchema, value: { reason: refusal, domain: 'messaging' } },
            ];
            throw error;
          }
          for (const id of personIds) roles.set(id, role);
          return {};
        },
        changeMemberRole: ({ personId, role, transfer }) => {
          roles.set(personId, role);
          if (transfer) roles.set(ME, Role.ADMIN);
          return {};
        },
        getConversation: () => ({ view: viewOf('cnv_1') }),
      });
    });
    const clients = createClients(calls);
    const conversations = new ConversationsStore(clients, ME);
    const people = new PeopleStore(clients);
    return new MembersStore({ calls, conversations, people });
  }

  it('are loaded page by page, without those who have left', async () => {
    const store = storeWith();
    const log = new ConversationLog(viewOf('cnv_1'), ME);
    const list = store.of(log);
    expect(await store.add(log, ['per_left', 'per_max'], Role.ADMIN)).toBeUndefined();
    expect(list.get().state).toBe('ready');
    expect(list.get().members.map(({ personId, role }) => [personId, role])).toEqual([
      [ME, Role.OWNER],
      ['per_max', Role.ADMIN],
    ]);
  });

  it('get another role, or the whole group', async () => {
    const store = storeWith();
    const log = new ConversationLog(viewOf('cnv_1'), ME);
    await store.add(log, ['per_max']);
    const change = { role: Role.OWNER, transfer: true };
    expect(await store.changeRole(log, 'per_max', change)).toBeUndefined();
    expect(
      store
        .of(log)
        .get()
        .members.map(({ role }) => role),
    ).toEqual([Role.ADMIN, Role.OWNER]);
  });

  it('stay as they are when the server refuses', async () => {
    const store = storeWith('GROUP_TOO_LARGE');
    const log = new ConversationLog(viewOf('cnv_1'), ME);
    expect((await store.add(log, ['per_max']))?.reason).toBe('GROUP_TOO_LARGE');
  });
});

describe('finding a day', () => {
  // Numbers 1 to 100, one a day; a third of them are hidden from this user.
  const hidden = (seq: number): boolean => seq % 3 === 0;
  const calls = createRouterTransport(({ service }) => {
    service(MessagingService, {
      listMessages: ({ afterSeq }) => {
        let seq = Number(afterSeq) + 1;
        while (hidden(seq)) seq += 1;
        const message = { seq: BigInt(seq), sentAt: timestampFromMs(seq * DAY) };
        return { messages: seq > 100 ? [] : [message] };
      },
    });
  });
  const store = new ForwardingStore({ calls });
  const log = new ConversationLog(viewOf('cnv_1', 100), ME);

  it.each([
    [0, 1],
    [1, 1],
    [2.5, 4],
    [50, 50],
    [50.1, 52],
    [100, 100],
    [400, 100],
  ])('day %d leads to message %d', async (day, seq) => {
    expect(await store.firstSince(log, day * DAY)).toBe(seq);
  });
});

describe('forwarding', () => {
  it('merges the comment into one message and repeats nothing without one', async () => {
    const asked: ForwardMessagesRequest[] = [];
    const calls = createRouterTransport(({ service }) => {
      service(MessagingService, {
        forwardMessages: (request) => {
          asked.push(request);
          return {};
        },
      });
    });
    const store = new ForwardingStore({ calls });
    const target = { conversationId: 'cnv_1', seq: 7 };
    for (const comment of ['', '看'])
      await store.forward(target, { conversationId: 'cnv_2', comment, requestId: `r${comment}` });
    expect(asked.map(({ seqs, merged, comment }) => [seqs, merged, comment])).toEqual([
      [[7n], false, ''],
      [[7n], true, '看'],
    ]);
  });
});

describe('the filter of the list', () => {
  const logs = [
    viewOf('a', 0, { folder: '客户 10' }),
    viewOf('b', 0, { folder: '客户 9' }),
    viewOf('c', 0, { folder: '客户 9', archived: true }),
    viewOf('d'),
  ].map((view) => new ConversationLog(view, ME));

  it('knows folders by name and keeps archived conversations apart', () => {
    expect(foldersOf(logs)).toEqual(['客户 9', '客户 10']);
    const shown = (filter: Parameters<typeof passes>[1]): string =>
      logs
        .filter((log) => passes(log, filter))
        .map(({ id }) => id)
        .join('');
    expect(shown({ kind: 'all' })).toBe('abd');
    expect(shown({ kind: 'folder', name: '客户 9' })).toBe('b');
    expect(shown({ kind: 'archived' })).toBe('c');
    expect(shown({ kind: 'unread' })).toBe('');
  });
});
