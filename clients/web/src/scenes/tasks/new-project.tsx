import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { Dialog } from '@/components/dialog';
import { TextArea, TextInput } from '@/components/inputs';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { PeoplePicker } from '@/scenes/people/people-picker';
import { useWorkspace } from '@/stores/context';
import { isProblem } from '@/stores/tasks/changing';

import styles from './form.module.css';
import { useTasks } from './use-tasks';

const MAX_NAME = 200;

/** Dialog that creates a project owned by the user and visible to the selected people. */
export function NewProject() {
  const texts = useTexts('tasks');
  const { view } = useWorkspace();
  const close = (): void => view.newProject.set(false);
  return (
    <Dialog label={texts.createProject.title} isOpen onClose={close}>
      <NewProjectForm onDone={close} />
    </Dialog>
  );
}

function NewProjectForm({ onDone }: { readonly onDone: () => void }) {
  const texts = useTexts('tasks');
  const messages = useMessages();
  const navigate = useNavigate();
  const { changing } = useTasks();
  const [name, setName] = useState('');
  const [goal, setGoal] = useState('');
  const [memberIds, setMemberIds] = useState<readonly string[]>([]);
  const [error, setError] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);

  async function submit(): Promise<void> {
    const wanted = name.replace(/\s+/gu, ' ').trim();
    setError(wanted === '' ? texts.createProject.required : undefined);
    if (wanted === '' || isBusy) return;
    setBusy(true);
    setProblem(undefined);
    const made = await changing.createProject({ name: wanted, goal, memberIds: [...memberIds] });
    setBusy(false);
    if (isProblem(made)) {
      setProblem(made);
      return;
    }
    onDone();
    void navigate({ to: '/tasks/$place', params: { place: made.id }, search: {} });
  }

  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h2>{texts.createProject.title}</h2>
      <TextInput
        label={texts.createProject.name}
        value={name}
        onChange={setName}
        maxLength={MAX_NAME}
        error={error}
        autoFocus
      />
      <PeoplePicker
        label={texts.createProject.members}
        chosen={memberIds}
        onChange={setMemberIds}
      />
      <TextArea label={texts.createProject.goal} value={goal} onChange={setGoal} rows={3} />
      {problem === undefined ? null : (
        <p role="alert" className={styles.problem}>
          {problemText(problem, messages, texts.reasons)}
        </p>
      )}
      <div className={styles.buttons}>
        <Button onPress={onDone}>{texts.create.cancel}</Button>
        <Button type="submit" look="primary" isDisabled={isBusy}>
          {texts.createProject.submit}
        </Button>
      </div>
    </form>
  );
}
