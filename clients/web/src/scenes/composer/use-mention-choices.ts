import { useEffect, useMemo } from 'react';

import { Person_Kind as Kind, type Person } from '@/gen/plexus/directory/v1/people_pb';
import { Member_Role as Role } from '@/gen/plexus/messaging/v1/conversations_pb';
import { useCell } from '@/kit/cell';
import { byCharacters } from '@/kit/pinyin';
import type { Mentioned } from '@/kit/rich-text';
import { plainName } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { useFound } from '@/scenes/people/use-found';
import { useMatcher } from '@/scenes/people/use-matcher';
import { useWorkspace } from '@/stores/context';
import { DirectoryStore } from '@/stores/directory';
import { storeOf } from '@/stores/lazy';
import type { ConversationLog } from '@/stores/log/log';
import { MembersStore } from '@/stores/members';

const MAX_SHOWN = 8;
const REACH = 200;

/** A person, a department or everyone, as a target of a mention. */
export interface MentionChoice {
  readonly key: string;
  readonly of: Mentioned;
  /** Name in the message, without the @. */
  readonly name: string;
  readonly note: string;
  /** A member of the conversation, or a department with members; others are not notified. */
  readonly isReached: boolean;
}

/** Return the choices for a query: members first, recent senders before the others. */
export function useMentionChoices(log: ConversationLog, query: string): readonly MentionChoice[] {
  const messages = useMessages();
  const workspace = useWorkspace();
  const { people, personId } = workspace;
  const directory = storeOf(workspace, DirectoryStore);
  const { members } = useCell(storeOf(workspace, MembersStore).of(log));
  const departments = useCell(directory.departments);
  const version = useCell(people.version);
  const matcher = useMatcher() ?? byCharacters;
  const wanted = query.trim();
  const ids = useMemo(
    () =>
      bySpeaking(
        log,
        members.map((member) => member.personId).filter((id) => id !== personId),
      ),
    [log, members, personId],
  );
  const ofGroup = useFound(query, ids);
  const ofCompany = useFound(query);
  const mayAddressAll = (log.view.member?.role ?? Role.MEMBER) >= Role.ADMIN;

  useEffect(() => {
    // People are offered even without departments.
    if (mayAddressAll && directory.departments.get().length === 0) void directory.loadDepartments();
  }, [directory, mayAddressAll]);

  return useMemo(() => {
    const listed =
      wanted === '' ? ids.slice(0, MAX_SHOWN).flatMap((id) => people.get(id) ?? []) : [...ofGroup];
    const found = listed.map((person) => ofPerson(person, true));
    if (mayAddressAll) {
      const all = messages.timeline.all;
      if (wanted === '' || matcher(all, wanted) || 'all'.startsWith(wanted.toLowerCase()))
        found.push({ key: 'all', of: { kind: 'all' }, name: all, note: '', isReached: true });
      for (const { id, name, closed } of wanted === '' ? [] : departments) {
        if (closed || !matcher(plainName(name), wanted)) continue;
        const note = messages.timeline.department;
        const of = { kind: 'department', id } as const;
        found.push({ key: id, of, name: plainName(name), note, isReached: true });
      }
    }
    const known = new Set([personId, ...ids]);
    const outside = ofCompany.filter(({ id, kind }) => !known.has(id) && kind === Kind.HUMAN);
    return [...found, ...outside.map((person) => ofPerson(person, false))].slice(0, MAX_SHOWN);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the version stands for who is known
  }, [wanted, ids, ofGroup, ofCompany, departments, matcher, messages, mayAddressAll, version]);
}

function ofPerson({ id, displayName, handle, title }: Person, isReached: boolean): MentionChoice {
  const note = [handle, title].filter((words) => words !== '').join(' · ');
  return { key: id, of: { kind: 'person', id }, name: plainName(displayName), note, isReached };
}

function bySpeaking(log: ConversationLog, ids: readonly string[]): readonly string[] {
  const spoke = new Map<string, number>();
  for (const { seq, whole } of log.between(Math.max(1, log.lastSeq - REACH), log.lastSeq)) {
    if (whole !== undefined) spoke.set(whole.senderId, seq);
  }
  return [...ids].sort((one, other) => (spoke.get(other) ?? 0) - (spoke.get(one) ?? 0));
}
