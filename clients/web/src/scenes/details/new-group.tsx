import { useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { Check } from '@/components/controls';
import { Dialog } from '@/components/dialog';
import { TextInput } from '@/components/inputs';
import { randomId } from '@/kit/ids';
import { plainName } from '@/kit/text';
import { useTexts } from '@/messages/subjects';
import { PeoplePicker } from '@/scenes/people/people-picker';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { ManagingStore } from '@/stores/managing';

import styles from './details.module.css';
import { ProblemNote } from './problem-note';

const MAX_NAME = 200;
const MAX_TOPIC = 1000;

/** Dialog that creates a group owned by the user. */
export function NewGroup() {
  const texts = useTexts('details');
  const { view } = useWorkspace();
  const close = (): void => view.newGroup.set(false);
  return (
    <Dialog label={texts.group.title} isOpen onClose={close}>
      <NewGroupForm onDone={close} />
    </Dialog>
  );
}

function NewGroupForm({ onDone }: { readonly onDone: () => void }) {
  const texts = useTexts('details');
  const navigate = useNavigate();
  const managing = storeOf(useWorkspace(), ManagingStore);
  const requestId = useRef(randomId());
  const [name, setName] = useState('');
  const [topic, setTopic] = useState('');
  const [memberIds, setMemberIds] = useState<readonly string[]>([]);
  const [isHistoryShown, setHistoryShown] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);

  async function submit(): Promise<void> {
    const wanted = plainName(name);
    setError(wanted === '' ? texts.required : undefined);
    if (wanted === '' || isBusy) return;
    setBusy(true);
    const group = { name: wanted, topic: plainName(topic), memberIds, isHistoryShown };
    const made = await managing.create(group, requestId.current);
    setBusy(false);
    setProblem(made.problem);
    if (made.value === undefined) return;
    onDone();
    const params = { conversationId: made.value };
    await navigate({ to: '/c/$conversationId', params, search: {} });
  }

  return (
    <form
      className={styles.window}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h2>{texts.group.title}</h2>
      <TextInput
        label={texts.group.name}
        value={name}
        onChange={setName}
        maxLength={MAX_NAME}
        error={error}
        autoFocus
      />
      <PeoplePicker label={texts.group.members} chosen={memberIds} onChange={setMemberIds} />
      <TextInput
        label={texts.group.topic}
        value={topic}
        onChange={setTopic}
        maxLength={MAX_TOPIC}
      />
      <Check label={texts.group.history} isOn={isHistoryShown} onChange={setHistoryShown} />
      <ProblemNote problem={problem} />
      <div className={styles.buttons}>
        <Button onPress={onDone}>{texts.cancel}</Button>
        <Button type="submit" look="primary" isDisabled={isBusy}>
          {texts.group.submit}
        </Button>
      </div>
    </form>
  );
}
