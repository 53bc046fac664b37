import type { ConversationLog } from '../log/log';

/** Filter of the conversation list: all, by property, or by folder. */
export type ListFilter =
  | { readonly kind: 'all' | 'unread' | 'starred' | 'archived' }
  | { readonly kind: 'folder'; readonly name: string };

export const ALL: ListFilter = { kind: 'all' };

/** Return the sorted names of the user's folders. */
export function foldersOf(logs: readonly ConversationLog[]): readonly string[] {
  const names = new Set(logs.map((log) => log.view.settings?.folder ?? ''));
  names.delete('');
  const { compare } = new Intl.Collator(undefined, { numeric: true });
  return [...names].sort(compare);
}

/** Return whether a conversation passes a filter. */
export function passes(log: ConversationLog, filter: ListFilter): boolean {
  const { settings } = log.view;
  if (filter.kind === 'archived') return log.conversation.archived;
  if (log.conversation.archived) return false;
  switch (filter.kind) {
    case 'all':
      return true;
    case 'unread':
      return log.counts.unread > 0 || settings?.markedUnread === true;
    case 'starred':
      return settings?.starred === true;
    case 'folder':
      return settings?.folder === filter.name;
  }
}
