import { memo } from 'react';
import { classes } from '@/kit/classes';

import { useNow } from '@/kit/now';
import { useLanguage } from '@/messages/context';
import type { ConversationLog } from '@/stores/log/log';

import { EventRow } from './event-row';
import { MessageRow } from './message-row';
import { PendingRow } from './pending-row';
import type { Row } from './rows';
import styles from './timeline.module.css';

interface Props {
  readonly row: Row;
  readonly log: ConversationLog;
  readonly onThread: (root: number) => void;
}

export const TimelineRow = memo(
  function TimelineRow({ row, log, onThread }: Props) {
    const { messages, format } = useLanguage();
    const now = useNow();
    switch (row.kind) {
      case 'beginning':
        return <p className={styles.beginning}>{messages.timeline.beginning}</p>;
      case 'day':
        return <div className={styles.line}>{format.day(row.at, now)}</div>;
      case 'unread':
        return (
          <div className={classes(styles.line, styles.new)}>{messages.timeline.unreadLine}</div>
        );
      case 'event':
        return <EventRow event={row.event} />;
      case 'message':
        return <MessageRow log={log} held={row.held} joined={row.joined} onThread={onThread} />;
      case 'pending':
        return <PendingRow pending={row.pending} joined={row.joined} />;
    }
  },
  (one, other) =>
    one.log === other.log &&
    one.onThread === other.onThread &&
    one.row.key === other.row.key &&
    (one.row.kind === 'message' && other.row.kind === 'message'
      ? one.row.held === other.row.held && one.row.joined === other.row.joined
      : one.row === other.row || one.row.kind === 'day' || one.row.kind === 'event'),
);
