import { useState } from 'react';

import { Avatar } from '@/components/avatar';
import { Button } from '@/components/button';
import { Confirm, Question } from '@/components/confirm';
import { Menu } from '@/components/menu';
import type { Member } from '@/gen/plexus/messaging/v1/conversations_pb';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { PersonButton } from '@/scenes/people/person-button';
import { useWorkspace } from '@/stores/context';
import type { RoleChange } from '@/stores/members';

import styles from './details.module.css';
import { roleName } from './roles';

interface Props {
  readonly member: Member;
  /** True for this user's own entry. */
  readonly isOwn: boolean;
  readonly isRemovable: boolean;
  readonly choices: readonly RoleChange[];
  readonly onRole: (change: RoleChange) => void;
  readonly onRemove: () => void;
}

/** A member with the role, a menu that changes it, and removal. */
export function MemberRow({ member, isOwn, isRemovable, choices, onRole, onRemove }: Props) {
  const texts = useTexts('details');
  const messages = useMessages();
  const { people } = useWorkspace();
  const [asked, setAsked] = useState<RoleChange | undefined>(undefined);
  useCell(people.version);
  const name = personName(member.personId, people, messages);
  const role = roleName(member.role, texts.roles);
  return (
    <li className={styles.member}>
      <Avatar id={member.personId} name={name} small />
      <PersonButton id={member.personId}>
        <bdi>{name}</bdi>
      </PersonButton>
      <span className={styles.note}>{people.get(member.personId)?.title}</span>
      {choices.length === 0 ? (
        <span className={styles.role}>{role}</span>
      ) : (
        <span className={styles.role}>
          <Menu
            label={texts.changeRole(name)}
            entries={choices.map((change) => ({
              id: `${change.role}${change.transfer === true ? ':transfer' : ''}`,
              label: change.transfer === true ? texts.transfer : roleName(change.role, texts.roles),
              // The user cannot take back what takes away their own role.
              run: () => (change.transfer === true || isOwn ? setAsked(change) : onRole(change)),
            }))}
          >
            <Button look="plain" aria-label={texts.roleOf(name, role)}>
              {role}
            </Button>
          </Menu>
        </span>
      )}
      {asked === undefined ? null : (
        <Question
          label={asked.transfer === true ? texts.transfer : texts.stepDown}
          question={asked.transfer === true ? texts.transferQuestion(name) : texts.stepDownQuestion}
          cancel={texts.cancel}
          onCancel={() => setAsked(undefined)}
          onConfirm={() => {
            setAsked(undefined);
            onRole(asked);
          }}
        />
      )}
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
