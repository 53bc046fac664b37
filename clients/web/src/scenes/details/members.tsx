import { useMemo, useState } from 'react';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { TextInput } from '@/components/inputs';
import { Skeleton } from '@/components/skeleton';
import { Member_Role as Role } from '@/gen/plexus/messaging/v1/conversations_pb';
import { useCell } from '@/kit/cell';
import { useTexts } from '@/messages/subjects';
import { useFound } from '@/scenes/people/use-found';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import type { ConversationLog } from '@/stores/log/log';
import { MembersStore } from '@/stores/members';

import { Adding } from './adding';
import styles from './details.module.css';
import { MemberRow } from './member-row';
import { ProblemNote } from './problem-note';
import { authorityOf, isActive, roleChoices } from './roles';

const STEP = 100;
const FROM_FILTER = 8;

/** The members of a group, with search, addition, roles and removal. */
export function Members({ log }: { readonly log: ConversationLog }) {
  const texts = useTexts('details');
  const workspace = useWorkspace();
  const store = storeOf(workspace, MembersStore);
  const { members, state, problem } = useCell(store.of(log));
  const [query, setQuery] = useState('');
  const [shown, setShown] = useState(STEP);
  const [refused, setRefused] = useState<Problem | undefined>(undefined);
  const ids = useMemo(() => members.map(({ personId }) => personId), [members]);
  const found = useFound(query, ids);
  useCell(workspace.people.version);
  const own = members.find(({ personId }) => personId === workspace.personId)?.role ?? Role.MEMBER;
  const authority = authorityOf(members, own, (id) => isActive(workspace.people.get(id)));
  const listed = useMemo(() => {
    const byId = new Map(members.map((member) => [member.personId, member]));
    if (query.trim() !== '') return found.flatMap(({ id }) => byId.get(id) ?? []);
    return [...members].sort((one, other) => other.role - one.role);
  }, [members, found, query]);

  if (state === 'loading') return <Skeleton label={texts.loading} lines={4} />;
  if (state === 'failed') {
    return (
      <div className={styles.about}>
        <ProblemNote problem={problem} />
        <Button onPress={() => void store.load(log)}>{texts.retry}</Button>
      </div>
    );
  }
  return (
    <div className={styles.about}>
      {log.conversation.archived ? null : <Adding log={log} own={own} members={ids} />}
      {members.length > FROM_FILTER ? (
        <TextInput
          label={texts.filter}
          placeholder={texts.filterHint}
          value={query}
          onChange={setQuery}
        />
      ) : null}
      <ProblemNote problem={refused} />
      <p className={styles.note}>{texts.memberCount(members.length)}</p>
      {listed.length === 0 ? <p role="status">{texts.nobody}</p> : null}
      <ul className={styles.people} aria-label={texts.memberList}>
        {listed.slice(0, shown).map((member) => (
          <MemberRow
            key={member.personId}
            member={member}
            isOwn={member.personId === workspace.personId}
            isRemovable={
              own >= Role.ADMIN && member.role <= own && member.personId !== workspace.personId
            }
            choices={roleChoices(member, {
              authority,
              own,
              isOwn: member.personId === workspace.personId,
            })}
            onRole={(change) =>
              void store.changeRole(log, member.personId, change).then(setRefused)
            }
            onRemove={() => void store.remove(log, member.personId).then(setRefused)}
          />
        ))}
      </ul>
      {listed.length > shown ? (
        <Button onPress={() => setShown(shown + STEP)}>{texts.more}</Button>
      ) : null}
    </div>
  );
}
