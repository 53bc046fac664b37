import {
  Conversation_History as History,
  ConversationEvent_Kind as Kind,
  Member_Role as Role,
  type ConversationEvent,
} from '@/gen/plexus/messaging/v1/conversations_pb';
import { plainName } from '@/kit/text';
import type { Messages } from '@/messages/messages';

const MAX_NAMES = 5;

/**
 * Return an event of a conversation in words; empty for a kind that this client does not know.
 *
 * Args:
 *   nameOf: the name of a person.
 */
export function eventText(
  event: ConversationEvent,
  messages: Messages,
  nameOf: (personId: string) => string,
): string {
  const texts = messages.events;
  const actor = nameOf(event.actorId);
  const ids = event.members.map(({ personId }) => personId);
  switch (event.kind) {
    case Kind.CREATED:
      return texts.created(actor);
    case Kind.JOINED:
      return ids.length === 1 && ids[0] === event.actorId
        ? texts.joined(actor)
        : texts.added(actor, namesOf(ids, messages, nameOf));
    case Kind.LEFT:
      return texts.left(namesOf(ids, messages, nameOf));
    case Kind.REMOVED:
      return texts.removed(actor, namesOf(ids, messages, nameOf));
    case Kind.ROLE_CHANGED:
      return event.members
        .map(({ personId, role }) => texts.role(nameOf(personId), roleName(role, messages)))
        .join(texts.separator);
    case Kind.CHANGED:
      return changesOf(event, messages, actor).join(texts.separator);
    case Kind.UNSPECIFIED:
      return '';
    default:
      return '';
  }
}

function changesOf(
  { changed, conversation }: ConversationEvent,
  messages: Messages,
  actor: string,
) {
  const texts = messages.events;
  if (conversation === undefined) return [];
  const { name, topic, history, archived, confidential } = conversation;
  const words: Readonly<Record<string, string>> = {
    name: texts.renamed(actor, plainName(name)),
    topic: topic === '' ? texts.topicCleared(actor) : texts.topic(actor, plainName(topic)),
    history: history === History.ALL ? texts.historyShown(actor) : texts.historyHidden(actor),
    archived: archived ? texts.archived(actor) : texts.restored(actor),
    confidential: confidential ? texts.confidential(actor) : texts.open(actor),
  };
  return changed.flatMap((field) => words[field] ?? []);
}

function namesOf(
  ids: readonly string[],
  messages: Messages,
  nameOf: (personId: string) => string,
): string {
  const names = ids.slice(0, MAX_NAMES).map(nameOf).join(messages.events.comma);
  return ids.length > MAX_NAMES ? messages.events.more(names, ids.length - MAX_NAMES) : names;
}

function roleName(role: Role, { events: { roles } }: Messages): string {
  if (role === Role.OWNER) return roles.owner;
  return role === Role.ADMIN ? roles.admin : roles.member;
}
