import { useState } from 'react';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { Dialog } from '@/components/dialog';
import { Select, TextArea, TextInput } from '@/components/inputs';
import { plainName } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { PeoplePicker } from '@/scenes/people/people-picker';
import { useWorkspace } from '@/stores/context';
import { isProblem } from '@/stores/tasks/changing';
import { TaskPriority } from '@/gen/plexus/tasks/v1/tasks_pb';
import type { TaskBeginning } from '@/stores/view';
import { useEffect } from 'react';

import styles from './form.module.css';
import { PRIORITIES } from './priorities';
import { useTasks } from './use-tasks';

const MAX_TITLE = 500;

/** Dialog that creates a task, assigned to the user by default. */
export function NewTask({ beginning }: { readonly beginning: TaskBeginning }) {
  const texts = useTexts('tasks');
  const { view } = useWorkspace();
  const close = (): void => view.newTask.set(undefined);
  return (
    <Dialog label={texts.create.title} isOpen onClose={close}>
      <NewTaskForm beginning={beginning} onDone={close} />
    </Dialog>
  );
}

interface FormProps {
  readonly beginning: TaskBeginning;
  readonly onDone: () => void;
}

function NewTaskForm({ beginning, onDone }: FormProps) {
  const texts = useTexts('tasks');
  const messages = useMessages();
  const { personId, view } = useWorkspace();
  const { changing, loading } = useTasks();
  const [title, setTitle] = useState(beginning.title ?? '');
  const [description, setDescription] = useState(beginning.description ?? '');
  const [projectId, setProjectId] = useState(beginning.projectId ?? '');
  const [assigneeIds, setAssigneeIds] = useState<readonly string[]>([personId]);
  const [due, setDue] = useState('');
  const [priority, setPriority] = useState(TaskPriority.NORMAL);
  const [error, setError] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => loading.loadProjects(), [loading]);
  const candidates = loading.project(projectId)?.memberIds;

  function chooseProject(id: string): void {
    setProjectId(id);
    const members = loading.project(id)?.memberIds;
    if (members !== undefined) setAssigneeIds((ids) => ids.filter((one) => members.includes(one)));
  }

  async function submit(): Promise<void> {
    const wanted = title.replace(/\s+/gu, ' ').trim();
    setError(wanted === '' ? texts.create.required : undefined);
    if (wanted === '' || isBusy) return;
    setBusy(true);
    setProblem(undefined);
    const made = await changing.create({
      title: wanted,
      description,
      projectId,
      priority,
      assigneeIds: [...assigneeIds],
      ...(due === '' ? {} : { due: { due: { case: 'date', value: due } } }),
    });
    setBusy(false);
    if (isProblem(made)) {
      setProblem(made);
      return;
    }
    view.notify(texts.create.made(made.key), true);
    onDone();
  }

  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h2>{texts.create.title}</h2>
      <div className={styles.fields}>
        <div className={styles.wide}>
          <TextInput
            label={texts.create.name}
            value={title}
            onChange={setTitle}
            maxLength={MAX_TITLE}
            error={error}
            autoFocus
          />
        </div>
        <div className={styles.wide}>
          <PeoplePicker
            label={texts.create.assignees}
            chosen={assigneeIds}
            {...(candidates === undefined ? {} : { candidates })}
            onChange={setAssigneeIds}
          />
        </div>
        <Select
          label={texts.create.project}
          value={projectId}
          options={[
            { value: '', label: texts.create.noProject },
            ...loading.projects
              .get()
              .map((project) => ({ value: project.id, label: plainName(project.name) })),
          ]}
          onChange={chooseProject}
        />
        <Select
          label={texts.create.priority}
          value={`${priority}`}
          options={PRIORITIES.map((one) => ({
            value: `${one}`,
            label: texts.priority[one] ?? '',
          }))}
          onChange={(value) =>
            setPriority(PRIORITIES.find((one) => `${one}` === value) ?? TaskPriority.NORMAL)
          }
        />
        <TextInput type="date" label={texts.create.due} value={due} onChange={setDue} />
        <div className={styles.wide}>
          <TextArea
            label={texts.create.description}
            value={description}
            onChange={setDescription}
            rows={4}
          />
        </div>
      </div>
      {problem === undefined ? null : (
        <p role="alert" className={styles.problem}>
          {problemText(problem, messages, texts.reasons)}
        </p>
      )}
      <div className={styles.buttons}>
        <Button onPress={onDone}>{texts.create.cancel}</Button>
        <Button type="submit" look="primary" isDisabled={isBusy}>
          {texts.create.submit}
        </Button>
      </div>
    </form>
  );
}
