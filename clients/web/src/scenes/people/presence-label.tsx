import {
  Presence_State as State,
  type Presence,
} from '@/gen/plexus/messaging/v1/signal_service_pb';
import { classes } from '@/kit/classes';
import { useNow } from '@/kit/now';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';

import styles from './card.module.css';

/** The presence of a person, as far as it is visible to the user. */
export function PresenceLabel({ presence }: { readonly presence: Presence | undefined }) {
  const texts = useTexts('people');
  const { format } = useLanguage();
  const now = useNow();
  if (presence === undefined || presence.state === State.UNSPECIFIED) return null;
  const isOnline = presence.state === State.ONLINE;
  const isAway = presence.state === State.AWAY;
  const word = isOnline ? texts.card.online : isAway ? texts.card.away : texts.card.offline;
  const seenAt = milliseconds(presence.seenAt);
  return (
    <span className={styles.presence}>
      <i
        className={classes(styles.dot, isOnline && styles.online, isAway && styles.away)}
        aria-hidden="true"
      />
      {word}
      {!isOnline && seenAt > 0 ? (
        <span className={styles.note}>{texts.card.seen(format.recent(seenAt, now))}</span>
      ) : null}
    </span>
  );
}
