import { createClient } from '@connectrpc/connect';

import { Conversation_Kind } from '@/gen/plexus/messaging/v1/conversations_pb';
import { MessagingService } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { randomId } from '@/kit/ids';

import type { Workspace } from '../client';

/** Return the id of the direct conversation with a person; create it if there is none. */
export async function directWith(
  personId: string,
  { calls, conversations }: Pick<Workspace, 'calls' | 'conversations'>,
): Promise<string> {
  const known = conversations.all.find((log) => log.view.peerId === personId);
  if (known !== undefined) return known.id;
  const { conversation } = await createClient(MessagingService, calls).createConversation({
    requestId: randomId(),
    kind: Conversation_Kind.DIRECT,
    memberIds: [personId],
  });
  const id = conversation?.id ?? '';
  await conversations.fetch(id);
  return id;
}
