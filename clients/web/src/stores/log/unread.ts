import { Message_Kind, type Message } from '@/gen/plexus/messaging/v1/messages_pb';

import type { ConversationLog } from './log';

/** Unread counts (MSG-8); not exact while the server must be queried. */
export interface Counts {
  readonly unread: number;
  readonly mentions: number;
  readonly exact: boolean;
}

type Counted = Pick<
  ConversationLog,
  'view' | 'cursor' | 'lastSeq' | 'stretches' | 'personId' | 'between'
>;

/**
 * Count unread messages: from the loaded ones if they reach from the cursor to the end, otherwise
 * from the view's counts and the later changes.
 */
export function countUnread(log: Counted): Counts {
  const counted = Number(log.view.conversation?.lastSeq ?? 0n);
  const isHeld = log.stretches.covers(log.cursor + 1, log.lastSeq);
  const again = mentionedAgain(log);
  const from = isHeld ? log.cursor + 1 : Math.max(counted, log.cursor) + 1;
  const since = log
    .between(from, log.lastSeq)
    .flatMap(({ whole }) => (whole !== undefined && isUnread(whole, log.personId) ? [whole] : []));
  const mentions = again + since.filter((message) => isAddressed(message, log.personId)).length;
  if (isHeld) {
    const exact = !since.some((message) => message.mentions.some(isOfDepartment));
    return exact
      ? { unread: since.length, mentions, exact }
      : withView(log, since.length, mentions);
  }
  const sameCursor = log.cursor === Number(log.view.readThroughSeq);
  return {
    unread: since.length + (sameCursor ? log.view.unread : 0),
    // The view's own count has those of edits, too.
    mentions: mentions + (sameCursor ? Math.max(0, log.view.mentionUnread - again) : 0),
    exact: false,
  };
}

/** Count messages that were read before an edit mentioned the person in them (MSG-11). */
export function mentionedAgain(log: Pick<ConversationLog, 'view' | 'cursor'>): number {
  const seqs = log.view.settings?.mentionSeqs ?? [];
  return seqs.filter((seq) => Number(seq) <= log.cursor).length;
}

/** Return the view's counts: only the server knows the members of mentioned departments. */
function withView(log: Counted, unread: number, mentions: number): Counts {
  return { unread, mentions: Math.max(mentions, log.view.mentionUnread), exact: false };
}

function isUnread(message: Message, personId: string): boolean {
  return message.senderId !== personId && message.kind !== Message_Kind.SYSTEM && !message.recalled;
}

function isAddressed(message: Message, personId: string): boolean {
  return message.mentions.some(
    ({ target }) =>
      target.case === 'all' || (target.case === 'personId' && target.value === personId),
  );
}

function isOfDepartment({ target }: Message['mentions'][number]): boolean {
  return target.case === 'departmentId';
}
