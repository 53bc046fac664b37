import { useEffect, useState } from 'react';

import type { Problem } from '@/api/problems';
import { Button, IconButton } from '@/components/button';
import { Dialog } from '@/components/dialog';
import { TextInput } from '@/components/inputs';
import { Skeleton } from '@/components/skeleton';
import { Format } from '@/gen/plexus/messaging/v1/messages_pb';
import {
  ScheduledMessage_State as State,
  type ScheduledMessage,
} from '@/gen/plexus/messaging/v1/personal_service_pb';
import { useCell } from '@/kit/cell';
import { localMinute, timeOf } from '@/kit/local-time';
import { readMarkdown } from '@/kit/markdown-read';
import { excerpt } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { nameOf } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { SchedulingStore } from '@/stores/scheduling';

import styles from './sending.module.css';
import { ProblemNote } from './window';

const SHOWN = 160;

/** The scheduled messages; each can be moved or cancelled. */
export function Scheduled() {
  const texts = useTexts('sending');
  const workspace = useWorkspace();
  const store = storeOf(workspace, SchedulingStore);
  const { scheduled, state, problem } = useCell(store.list);
  const close = (): void => workspace.view.scheduled.set(false);
  useEffect(() => void store.load(), [store]);
  return (
    <Dialog label={texts.scheduled.title} isOpen onClose={close}>
      <div className={styles.form}>
        <header className={styles.row}>
          <h2 className={styles.grow}>{texts.scheduled.title}</h2>
          <IconButton icon="close" label={texts.close} autoFocus onPress={close} />
        </header>
        {state === 'loading' ? <Skeleton label={texts.loading} lines={2} /> : null}
        {state === 'failed' ? (
          <>
            <ProblemNote problem={problem} />
            <Button onPress={() => void store.load()}>{texts.retry}</Button>
          </>
        ) : null}
        {state === 'ready' && scheduled.length === 0 ? (
          <p role="status">{texts.scheduled.none}</p>
        ) : null}
        <ul
          className={styles.list}
          aria-label={texts.scheduled.list}
          hidden={scheduled.length === 0}
        >
          {scheduled.map((one) => (
            <Entry key={`${one.id}:${one.version}`} message={one} />
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

function Entry({ message }: { readonly message: ScheduledMessage }) {
  const texts = useTexts('sending');
  const { messages, format } = useLanguage();
  const workspace = useWorkspace();
  const { conversations, people } = workspace;
  const store = storeOf(workspace, SchedulingStore);
  const at = milliseconds(message.sendAt);
  const [when, setWhen] = useState(localMinute(at));
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const log = conversations.get(message.conversationId);
  const time = timeOf(when);
  return (
    <li>
      {log === undefined ? null : <p>{texts.scheduled.to(nameOf(log, people, messages))}</p>}
      <blockquote className={styles.quote} dir="auto">
        {excerpt(wordsOf(message), SHOWN)}
      </blockquote>
      <p className={styles.note}>
        {texts.scheduled.at(format.full(at))}
        {message.state === State.OVERDUE ? ` · ${texts.scheduled.overdue}` : ''}
        {message.state === State.FAILED ? ` · ${texts.scheduled.failed}` : ''}
      </p>
      <div className={styles.row}>
        <TextInput
          label={texts.scheduled.newTime}
          type="datetime-local"
          value={when}
          onChange={setWhen}
        />
        <Button
          isDisabled={time === undefined || when === localMinute(at)}
          onPress={() => {
            if (time !== undefined) void store.move(message, time).then(setProblem);
          }}
        >
          {texts.scheduled.move}
        </Button>
        <Button onPress={() => void store.cancel(message.id).then(setProblem)}>
          {texts.scheduled.cancel}
        </Button>
      </div>
      <ProblemNote problem={problem} />
    </li>
  );
}

function wordsOf({ text, format }: ScheduledMessage): string {
  return format === Format.MARKDOWN ? readMarkdown(text).text : text;
}
