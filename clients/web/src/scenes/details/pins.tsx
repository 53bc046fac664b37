import { useState } from 'react';

import { Button } from '@/components/button';
import { Skeleton } from '@/components/skeleton';
import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { useCell } from '@/kit/cell';
import { excerpt } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import type { ConversationLog } from '@/stores/log/log';
import { PinsStore } from '@/stores/pins';

import styles from './details.module.css';
import { ProblemNote } from './problem-note';

const SHOWN = 160;

interface Props {
  readonly log: ConversationLog;
  readonly onJump: (seq: number) => void;
}

/** The pinned messages of a conversation. */
export function Pins({ log, onJump }: Props) {
  const texts = useTexts('details');
  const store = storeOf(useWorkspace(), PinsStore);
  const { messages, state, problem } = useCell(store.of(log));
  if (state === 'loading') return <Skeleton label={texts.loading} lines={3} />;
  if (state === 'failed') {
    return (
      <div className={styles.about}>
        <ProblemNote problem={problem} />
        <Button onPress={() => void store.load(log)}>{texts.retry}</Button>
      </div>
    );
  }
  if (messages.length === 0) return <p className={styles.note}>{texts.noPins}</p>;
  return (
    <ul className={styles.entries} aria-label={texts.pinList}>
      {messages.map((message) => (
        <Pinned key={message.id} message={message} onJump={onJump} />
      ))}
    </ul>
  );
}

interface PinnedProps {
  readonly message: Message;
  readonly onJump: (seq: number) => void;
}

function Pinned({ message, onJump }: PinnedProps) {
  const texts = useTexts('details');
  const { messages, format } = useLanguage();
  const { messages: store, people } = useWorkspace();
  const [isBusy, setBusy] = useState(false);
  useCell(people.version);
  const { pin } = message;
  return (
    <li className={styles.entry}>
      <p className={styles.note}>
        <bdi>{personName(message.senderId, people, messages)}</bdi> ·{' '}
        {format.full(milliseconds(message.sentAt))}
      </p>
      <p dir="auto">{excerpt(message.text, SHOWN) || messages.timeline.attachment}</p>
      {pin === undefined ? null : (
        <p className={styles.note}>{texts.pinnedBy(personName(pin.personId, people, messages))}</p>
      )}
      <div className={styles.foot}>
        <Button look="plain" onPress={() => onJump(Number(message.seq))}>
          {texts.open}
        </Button>
        <Button
          look="plain"
          isDisabled={isBusy}
          onPress={() => {
            setBusy(true);
            void store.pin(message, true).finally(() => setBusy(false));
          }}
        >
          {texts.unpin}
        </Button>
      </div>
    </li>
  );
}
