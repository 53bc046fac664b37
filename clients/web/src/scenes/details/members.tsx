import { useMemo, useState } from 'react';

import type { Problem } from '@/api/problems';
import { Avatar } from '@/components/avatar';
import { Button } from '@/components/button';
import { Confirm } from '@/components/confirm';
import { Select, TextInput } from '@/components/inputs';
import { Skeleton } from '@/components/skeleton';
import { Member_Role as Role, type Member } from '@/gen/plexus/messaging/v1/conversations_pb';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { PeoplePicker } from '@/scenes/people/people-picker';
import { PersonButton } from '@/scenes/people/person-button';
import { useFound } from '@/scenes/people/use-found';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import type { ConversationLog } from '@/stores/log/log';
import { MembersStore } from '@/stores/members';

import styles from './details.module.css';
import { ProblemNote } from './problem-note';

const STEP = 100;
const FROM_FILTER = 8;

/** The members of a group, with search, addition and removal. */
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
  const own = members.find(({ personId }) => personId === workspace.personId)?.role ?? Role.MEMBER;
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
            isRemovable={
              own >= Role.ADMIN && member.role <= own && member.personId !== workspace.personId
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

interface RowProps {
  readonly member: Member;
  readonly isRemovable: boolean;
  readonly onRemove: () => void;
}

function MemberRow({ member, isRemovable, onRemove }: RowProps) {
  const texts = useTexts('details');
  const messages = useMessages();
  const { people } = useWorkspace();
  useCell(people.version);
  const name = personName(member.personId, people, messages);
  return (
    <li className={styles.member}>
      <Avatar id={member.personId} name={name} small />
      <PersonButton id={member.personId}>
        <bdi>{name}</bdi>
      </PersonButton>
      <span className={styles.note}>{people.get(member.personId)?.title}</span>
      <span className={styles.role}>{roleName(member.role, texts.roles)}</span>
      {isRemovable ? (
        <Confirm
          label={texts.remove(name)}
          question={texts.removeQuestion(name)}
          cancel={texts.cancel}
          onConfirm={onRemove}
        />
      ) : null}
    </li>
  );
}

interface AddingProps {
  readonly log: ConversationLog;
  readonly own: Role;
  readonly members: readonly string[];
}

function Adding({ log, own, members }: AddingProps) {
  const texts = useTexts('details');
  const store = storeOf(useWorkspace(), MembersStore);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [role, setRole] = useState(Role.MEMBER);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const added = chosen.filter((id) => !members.includes(id));
  const roles = [Role.MEMBER, Role.ADMIN, Role.OWNER].filter((one) => one <= own);

  async function add(): Promise<void> {
    const refused = await store.add(log, added, role);
    setProblem(refused);
    if (refused === undefined) setChosen([]);
  }

  return (
    <div className={styles.form}>
      <PeoplePicker label={texts.add} chosen={added} onChange={setChosen} />
      <ProblemNote problem={problem} />
      {added.length === 0 ? null : (
        <div className={styles.foot}>
          {roles.length > 1 ? (
            <Select
              inline
              label={texts.addRole}
              value={String(role)}
              options={roles.map((one) => ({
                value: String(one),
                label: roleName(one, texts.roles),
              }))}
              onChange={(value) =>
                setRole(roles.find((one) => String(one) === value) ?? Role.MEMBER)
              }
            />
          ) : null}
          <Button look="primary" onPress={() => void add()}>
            {texts.addSubmit(added.length)}
          </Button>
        </div>
      )}
    </div>
  );
}

function roleName(
  role: Role,
  names: { readonly member: string; readonly admin: string; readonly owner: string },
): string {
  if (role === Role.OWNER) return names.owner;
  return role === Role.ADMIN ? names.admin : names.member;
}
