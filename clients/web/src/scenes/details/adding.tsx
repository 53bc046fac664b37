import { useState } from 'react';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { Select } from '@/components/inputs';
import { Member_Role as Role } from '@/gen/plexus/messaging/v1/conversations_pb';
import { useTexts } from '@/messages/subjects';
import { PeoplePicker } from '@/scenes/people/people-picker';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import type { ConversationLog } from '@/stores/log/log';
import { MembersStore } from '@/stores/members';

import styles from './details.module.css';
import { ProblemNote } from './problem-note';
import { roleName } from './roles';

interface AddingProps {
  readonly log: ConversationLog;
  readonly own: Role;
  readonly members: readonly string[];
}

/** The form that adds people to a group. */
export function Adding({ log, own, members }: AddingProps) {
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
