import type { Source } from '@/gen/plexus/notify/v1/notifications_pb';

/** Return the address of a task. */
export function taskAddress(id: string): string {
  return `/tasks?task=${encodeURIComponent(id)}`;
}

/** Return the address of a message in its conversation. */
export function messageAddress(conversationId: string, seq: number): string {
  return `/c/${encodeURIComponent(conversationId)}?at=${seq}`;
}

/** Return the address of a conversation. */
export function conversationAddress(id: string): string {
  return `/c/${encodeURIComponent(id)}`;
}

/** Return the address of a notification's source; undefined if the client cannot show it. */
export function sourceAddress(source: Source | undefined): string | undefined {
  if (source?.kind === 'message') return messageAddress(source.conversationId, Number(source.seq));
  if (source?.kind === 'conversation') return conversationAddress(source.id);
  if (source?.kind === 'task') return taskAddress(source.id);
  return undefined;
}
