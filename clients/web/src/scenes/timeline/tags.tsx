import { Icon } from '@/components/icon';
import { useMessages } from '@/messages/context';
import type { Parts } from '@/stores/log/message';

import styles from './message.module.css';

/** The pin and the labels of a message. */
export function Tags({ parts }: { readonly parts: Parts }) {
  const { timeline } = useMessages();
  if (parts.pin === undefined && parts.labels.length === 0) return null;
  return (
    <ul className={styles.tags} aria-label={timeline.labels}>
      {parts.pin === undefined ? null : (
        <li className={styles.tag}>
          <Icon name="pin" size={13} />
          {timeline.pinned}
        </li>
      )}
      {parts.labels.map((label) => (
        <li key={label} className={styles.tag}>
          <bdi>{label}</bdi>
        </li>
      ))}
    </ul>
  );
}
