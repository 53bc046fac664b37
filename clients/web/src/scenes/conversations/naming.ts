import type { Messages } from '@/messages/messages';
import { plainName } from '@/kit/text';
import type { ConversationLog } from '@/stores/log/log';
import type { PeopleStore } from '@/stores/people';

/** Return what a conversation is called: its name, or the other person's. */
export function nameOf(log: ConversationLog, people: PeopleStore, messages: Messages): string {
  if (log.view.peerId !== '')
    return people.name(log.view.peerId) || messages.conversations.unknownPerson;
  return plainName(log.conversation.name) || messages.conversations.unknownPerson;
}

/** Return what a person is called; a word for it while the name is fetched. */
export function personName(id: string, people: PeopleStore, messages: Messages): string {
  return people.name(id) || messages.conversations.unknownPerson;
}
