import { IconButton } from '@/components/button';
import { Select, TextInput } from '@/components/inputs';
import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { PeoplePicker } from '@/scenes/people/people-picker';
import { useWorkspace } from '@/stores/context';
import { dayDue } from '@/stores/tasks/due';
import { canFollow, STATES } from '@/stores/tasks/states';

import styles from './detail.module.css';
import { PRIORITIES } from './priorities';
import { useTasks } from './use-tasks';

/** State, people, due date and priority of a task; each is saved when selected. */
export function TaskFields({ task }: { readonly task: Task }) {
  const texts = useTexts('tasks');
  const messages = useMessages();
  const { people, personId } = useWorkspace();
  const { changing, loading } = useTasks();
  useCell(people.version);
  const project = loading.project(task.projectId);
  const candidates = project?.memberIds;
  const owners = [...new Set([task.ownerId, personId, ...(candidates ?? task.assigneeIds)])].filter(
    (id) => id === task.ownerId || candidates === undefined || candidates.includes(id),
  );
  const due = dayDue(task.due);
  return (
    <div className={styles.fields}>
      <Select
        label={texts.detail.state}
        value={`${task.state}`}
        options={STATES.filter((state) => canFollow(task.state, state)).map((state) => ({
          value: `${state}`,
          label: texts.state[state] ?? '',
        }))}
        onChange={(value) => {
          const state = STATES.find((one) => `${one}` === value);
          if (state !== undefined) void changing.setState(task, state);
        }}
      />
      <Select
        label={texts.detail.priority}
        value={`${task.priority}`}
        options={PRIORITIES.map((priority) => ({
          value: `${priority}`,
          label: texts.priority[priority] ?? '',
        }))}
        onChange={(value) => {
          const priority = PRIORITIES.find((one) => `${one}` === value);
          if (priority !== undefined) void changing.edit(task, { priority });
        }}
      />
      <Select
        label={texts.detail.owner}
        value={task.ownerId}
        options={owners.map((id) => ({ value: id, label: personName(id, people, messages) }))}
        onChange={(ownerId) => void changing.edit(task, { ownerId })}
      />
      <div className={styles.due}>
        <TextInput
          type="date"
          label={texts.detail.due}
          value={due}
          onChange={(date) => {
            if (date === '') void changing.edit(task, { clearDue: true });
            else void changing.edit(task, { due: { due: { case: 'date', value: date } } });
          }}
        />
        {due === '' ? null : (
          <IconButton
            icon="close"
            label={texts.detail.clearDue}
            small
            onPress={() => void changing.edit(task, { clearDue: true })}
          />
        )}
      </div>
      <div className={styles.wide}>
        <PeoplePicker
          label={texts.detail.assignees}
          chosen={task.assigneeIds}
          {...(candidates === undefined ? {} : { candidates })}
          onChange={(ids) => void changing.assign(task, ids)}
        />
      </div>
      <p className={styles.wide}>
        <span className={styles.name}>{texts.detail.project}</span>{' '}
        <bdi>{project === undefined ? texts.detail.noProject : plainName(project.name)}</bdi>
      </p>
    </div>
  );
}
