import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';

import { problemOf, type Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { TextInput } from '@/components/inputs';
import { timeOf } from '@/kit/local-time';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { ForwardingStore } from '@/stores/forwarding';
import { storeOf } from '@/stores/lazy';

import { FormWindow } from './window';

/** Dialog that selects the day to jump to. */
export function JumpToDate({ conversationId }: { readonly conversationId: string }) {
  const texts = useTexts('sending');
  const navigate = useNavigate();
  const workspace = useWorkspace();
  const { conversations, view } = workspace;
  const store = storeOf(workspace, ForwardingStore);
  const [day, setDay] = useState('');
  const [error, setError] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const [isBusy, setBusy] = useState(false);
  const close = (): void => view.dating.set('');

  async function submit(): Promise<void> {
    const log = conversations.get(conversationId);
    const time = timeOf(day);
    setError(time === undefined ? texts.date.required : undefined);
    if (log === undefined || time === undefined) return;
    setBusy(true);
    try {
      const at = await store.firstSince(log, time);
      close();
      await navigate({ to: '/c/$conversationId', params: { conversationId }, search: { at } });
    } catch (error_) {
      setProblem(problemOf(error_));
      setBusy(false);
    }
  }

  return (
    <FormWindow
      title={texts.date.title}
      problem={problem}
      onSubmit={() => void submit()}
      onClose={close}
      buttons={
        <>
          <Button onPress={close}>{texts.cancel}</Button>
          <Button type="submit" look="primary" isDisabled={isBusy}>
            {texts.date.submit}
          </Button>
        </>
      }
    >
      <TextInput
        label={texts.date.day}
        type="date"
        value={day}
        onChange={setDay}
        error={error}
        autoFocus
      />
    </FormWindow>
  );
}
