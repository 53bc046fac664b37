import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createRouterTransport } from '@connectrpc/connect';
import { beforeAll, describe, expect, it, vi } from 'vitest';

import { createClients } from '@/api/clients';
import { ConversationViewSchema } from '@/gen/plexus/messaging/v1/conversations_pb';
import { MessageSchema, Notify } from '@/gen/plexus/messaging/v1/messages_pb';
import { MessagingService } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { ConversationsStore } from '@/stores/conversations/conversations';
import { ConversationLog } from '@/stores/log/log';
import { Outbox, type OutboxKeeper, type Pending } from '@/stores/outbox';

/** Return an outbox with a server that is down or stores messages by request id (MSG-3). */
function outboxBefore(server: Map<string, string>, isUp: boolean): Outbox {
  const calls = createRouterTransport(({ service }) => {
    service(MessagingService, {
      sendMessage: ({ requestId, text }) => {
        if (!isUp) throw new ConnectError('down', Code.Unavailable);
        server.set(requestId, text);
        return { seq: BigInt(server.size) };
      },
    });
  });
  const clients = createClients(calls);
  return new Outbox(clients, new ConversationsStore(clients, 'per_me'));
}

function keeperOf(kept: Map<string, Pending>): OutboxKeeper {
  return {
    put: (one) => kept.set(one.requestId, one),
    remove: (requestId) => kept.delete(requestId),
  };
}

const WRITING = {
  conversationId: 'cnv_1',
  markdown: '离线写的',
  text: '离线写的',
  replyToSeq: 0,
  quoteSeq: 0,
  notify: Notify.UNSPECIFIED,
};

describe('messages on their way', () => {
  // Node has no network events.
  beforeAll(() => vi.stubGlobal('addEventListener', () => undefined));

  it('outlive the page and are stored once, with the request id of the first attempt', async () => {
    const kept = new Map<string, Pending>();
    const server = new Map<string, string>();
    const first = outboxBefore(server, false);
    first.send(WRITING);
    first.keepIn(keeperOf(kept));
    await expect.poll(() => [...kept.values()][0]?.state).toBe('waiting');
    const [requestId] = kept.keys();

    const second = outboxBefore(server, true);
    const third = outboxBefore(server, true);
    for (const outbox of [second, third]) {
      outbox.keepIn(keeperOf(kept));
      outbox.restore([...kept.values()]);
      outbox.restore([...kept.values()]);
      expect(outbox.pending.get()).toHaveLength(1);
    }
    await expect.poll(() => kept.size).toBe(0);
    expect([...server]).toEqual([[requestId, '离线写的']]);
  });
});

describe('a log that is restored', () => {
  const message = (seq: number, revision: bigint, more: { text?: string; emoji?: string } = {}) =>
    create(MessageSchema, {
      conversationId: 'cnv_1',
      seq: BigInt(seq),
      revision,
      text: more.text ?? '',
      reactions: more.emoji === undefined ? [] : [{ emoji: more.emoji, personIds: ['a'] }],
    });

  it('holds the tail, with parts that are newer than the words', () => {
    const view = create(ConversationViewSchema, { conversation: { id: 'cnv_1', lastSeq: 9n } });
    const log = new ConversationLog(view, 'per_me');
    log.restore([message(8, 1n, { text: 'a' }), message(9, 1n)], [message(8, 3n, { emoji: '👍' })]);
    expect(log.stretches.covers(8, 9)).toBe(true);
    expect(log.stretches.covers(7, 9)).toBe(false);
    // The edit before the reaction was not stored: it is newer than the text.
    log.applyMessage(message(8, 2n, { text: 'b' }));
    expect(log.get(8)?.whole?.text).toBe('b');
    expect(log.get(8)?.parts.reactions).toHaveLength(1);
  });

  it('never replaces what the page has already', () => {
    const view = create(ConversationViewSchema, { conversation: { id: 'cnv_1', lastSeq: 9n } });
    const log = new ConversationLog(view, 'per_me');
    log.applyMessage(message(9, 2n, { text: 'new' }));
    log.restore([message(8, 1n), message(9, 1n, { text: 'old' })], []);
    expect(log.get(9)?.whole?.text).toBe('new');
    expect(log.stretches.around(9)).toBeUndefined();
  });
});
