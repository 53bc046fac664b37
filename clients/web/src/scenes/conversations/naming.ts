import type { Messages } from '@/messages/messages';
import { plainName } from '@/kit/text';
import type { ConversationLog } from '@/stores/log/log';
import type { PeopleStore } from '@/stores/people';

/** Return the title of a conversation: its name, or the other person's. */
export function nameOf(log: ConversationLog, people: PeopleStore, messages: Messages): string {
  if (log.view.peerId !== '')
    return people.name(log.view.peerId) || messages.conversations.unknownPerson;
  return plainName(log.conversation.name) || messages.conversations.unknownPerson;
}

/** Return a person's name, or a placeholder while it is fetched. */
export function personName(id: string, people: PeopleStore, messages: Messages): string {
  return people.name(id) || messages.conversations.unknownPerson;
}
