import { useEffect, useRef, useState } from 'react';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { TextInput } from '@/components/inputs';
import { randomId } from '@/kit/ids';
import { localMinute, mondayMorning, timeOf, tomorrowMorning } from '@/kit/local-time';
import { trimmed, withTokens } from '@/kit/mentions';
import { excerpt } from '@/kit/text';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { SchedulingStore } from '@/stores/scheduling';
import type { Line } from '@/stores/view';

import styles from './sending.module.css';
import { FormWindow } from './window';

const HOUR_MS = 3_600_000;
const TYPING_MS = 300;
const SHOWN = 160;

/** Dialog that schedules the text of the composer. */
export function Schedule({ line }: { readonly line: Line }) {
  const texts = useTexts('sending');
  const { format } = useLanguage();
  const workspace = useWorkspace();
  const { drafts, view } = workspace;
  const store = storeOf(workspace, SchedulingStore);
  const requestId = useRef(randomId());
  const [when, setWhen] = useState(() => localMinute(tomorrowMorning(Date.now())));
  const [error, setError] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const { text, mentions } = trimmed(
    drafts.text(line.conversationId, line.root),
    drafts.mentions(line.conversationId, line.root),
  );
  const offHours = useOffHours(line, timeOf(when));
  const close = (): void => view.scheduling.set(undefined);
  const suggestions = [
    { label: texts.schedule.soon, at: () => Date.now() + HOUR_MS },
    { label: texts.schedule.tomorrow, at: () => tomorrowMorning(Date.now()) },
    { label: texts.schedule.monday, at: () => mondayMorning(Date.now()) },
  ];

  async function submit(): Promise<void> {
    const sendAt = timeOf(when);
    const isLate = sendAt === undefined || isPast(sendAt);
    setError(isLate ? texts.schedule.required : undefined);
    if (isLate || text === '') return;
    const quoting = view.quoting.get();
    const quoteSeq =
      line.root === 0 && quoting?.conversationId === line.conversationId ? quoting.seq : 0;
    const wanted = {
      conversationId: line.conversationId,
      markdown: withTokens(text, mentions),
      replyToSeq: line.root,
      quoteSeq,
      sendAt,
    };
    const refused = await store.schedule(wanted, requestId.current);
    setProblem(refused);
    requestId.current = randomId();
    if (refused !== undefined) return;
    drafts.write(line.conversationId, line.root, '');
    view.quoting.set(undefined);
    close();
    view.notify(texts.schedule.done(format.full(sendAt)), true);
  }

  return (
    <FormWindow
      title={texts.schedule.title}
      problem={problem}
      onSubmit={() => void submit()}
      onClose={close}
      buttons={
        <>
          <Button onPress={close}>{texts.cancel}</Button>
          <Button type="submit" look="primary" isDisabled={text === ''}>
            {texts.schedule.submit}
          </Button>
        </>
      }
    >
      {text === '' ? (
        <p role="status">{texts.schedule.empty}</p>
      ) : (
        <blockquote className={styles.quote} dir="auto">
          {excerpt(text, SHOWN)}
        </blockquote>
      )}
      <TextInput
        label={texts.schedule.when}
        type="datetime-local"
        value={when}
        onChange={setWhen}
        error={error}
        autoFocus
      />
      <div className={styles.row} role="group" aria-label={texts.schedule.suggestions}>
        {suggestions.map(({ label, at }) => (
          <Button key={label} onPress={() => setWhen(localMinute(at()))}>
            {label}
          </Button>
        ))}
      </div>
      <p className={styles.note} role="status">
        {offHours > 0 ? texts.schedule.offHours(offHours) : ''}
      </p>
    </FormWindow>
  );
}

function isPast(time: number): boolean {
  return time <= Date.now();
}

/** Return the number of recipients outside their working hours at a time. */
function useOffHours({ conversationId, root }: Line, at: number | undefined): number {
  const workspace = useWorkspace();
  const store = storeOf(workspace, SchedulingStore);
  const mentions = workspace.drafts.mentions(conversationId, root);
  const [count, setCount] = useState(0);
  useEffect(() => {
    if (at === undefined) return undefined;
    let isWanted = true;
    const timer = setTimeout(() => {
      store.offHours(conversationId, mentions, at).then(
        (found) => {
          if (isWanted) setCount(found);
        },
        // It is only a hint: without a response it is not shown.
        () => undefined,
      );
    }, TYPING_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [store, conversationId, mentions, at]);
  return count;
}
