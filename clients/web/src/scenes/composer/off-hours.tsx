import { useEffect, useState } from 'react';

import { Icon } from '@/components/icon';
import type { Addressed } from '@/kit/mentions';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { SchedulingStore } from '@/stores/scheduling';

import styles from './composer.module.css';

const TYPING_MS = 600;

interface Props {
  readonly conversationId: string;
  readonly mentions: readonly Addressed[];
}

/** Shows the number of recipients outside their working hours. */
export function OffHours({ conversationId, mentions }: Props) {
  const { composer } = useMessages();
  const store = storeOf(useWorkspace(), SchedulingStore);
  const [count, setCount] = useState(0);
  useEffect(() => {
    let isWanted = true;
    const timer = setTimeout(() => {
      store.offHours(conversationId, mentions).then(
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
  }, [store, conversationId, mentions]);
  if (count === 0) return null;
  return (
    <p className={styles.aid} role="status">
      <Icon name="moon" size={14} />
      <span>
        {composer.offHours(count)} <span className={styles.quiet}>{composer.offHoursHint}</span>
      </span>
    </p>
  );
}
