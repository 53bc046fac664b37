import { useRouter } from '@tanstack/react-router';

import { sourceAddress } from '@/actions/addresses';
import { Avatar } from '@/components/avatar';
import { IconButton } from '@/components/button';
import { Icon, type IconName } from '@/components/icon';
import {
  Delivery_State,
  NotificationKind,
  type Delivery,
  type Notification,
} from '@/gen/plexus/notify/v1/notifications_pb';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { useNow } from '@/kit/now';
import { plainName } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { NotificationsStore } from '@/stores/notifications';

import styles from './notifications.module.css';

const ICONS: Readonly<Record<NotificationKind, IconName>> = {
  [NotificationKind.UNSPECIFIED]: 'bell',
  [NotificationKind.MENTION]: 'message',
  [NotificationKind.DIRECT_MESSAGE]: 'message',
  [NotificationKind.TASK_ASSIGNED]: 'task',
  [NotificationKind.TASK_DUE]: 'clock',
  [NotificationKind.FEED_STOPPED]: 'warning',
  [NotificationKind.MEMBERSHIP]: 'group',
  [NotificationKind.ADDRESS_CHANGED]: 'warning',
};

interface Props {
  readonly notification: Notification;
  readonly store: NotificationsStore;
}

/** A notification: opens its source, and shows the result of each delivery. */
export function NotificationRow({ notification, store }: Props) {
  const texts = useTexts('notifications');
  const { format } = useLanguage();
  const { history } = useRouter();
  const now = useNow();
  const at = milliseconds(notification.createdAt);
  const address = sourceAddress(notification.source);
  const content = <Content notification={notification} at={at} now={now} />;
  return (
    <li className={classes(styles.row, !notification.read && styles.unread)}>
      {address === undefined ? (
        <div className={styles.what}>{content}</div>
      ) : (
        <a
          className={styles.what}
          href={address}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            void store.markRead([notification.id]);
            history.push(address);
          }}
        >
          {content}
        </a>
      )}
      <div className={styles.side}>
        <time className={styles.time} dateTime={new Date(at).toISOString()} title={format.full(at)}>
          {format.recent(at, now)}
        </time>
        {notification.read ? null : (
          <IconButton
            icon="check"
            label={texts.markOne}
            small
            onPress={() => void store.markRead([notification.id])}
          />
        )}
      </div>
      <ul className={styles.outcomes} aria-label={texts.outcomes}>
        {notification.deliveries.map((delivery) => (
          <Outcome key={delivery.id} delivery={delivery} />
        ))}
      </ul>
    </li>
  );
}

interface ContentProps {
  readonly notification: Notification;
  readonly at: number;
  readonly now: number;
}

function Content({ notification }: ContentProps) {
  const texts = useTexts('notifications');
  const { messages } = useLanguage();
  const { people } = useWorkspace();
  useCell(people.version);
  const actor = notification.source?.actorId ?? '';
  return (
    <>
      <span className={styles.picture}>
        {people.get(actor) === undefined ? (
          <span className={styles.kind}>
            <Icon name={ICONS[notification.kind]} size={19} />
          </span>
        ) : (
          <Avatar id={actor} name={personName(actor, people, messages)} />
        )}
      </span>
      <span className={styles.words}>
        <span className={styles.title}>
          {notification.read ? null : (
            <span className={styles.mark}>
              <span className="visually-hidden">{texts.unreadMark}</span>
            </span>
          )}
          <bdi>{plainName(notification.title)}</bdi>
        </span>
        {notification.body === '' ? null : (
          <span className={styles.body} dir="auto">
            {plainName(notification.body)}
          </span>
        )}
      </span>
    </>
  );
}

function Outcome({ delivery }: { readonly delivery: Delivery }) {
  const texts = useTexts('notifications');
  const { format } = useLanguage();
  const now = useNow();
  const next = milliseconds(delivery.nextAttemptAt);
  const reason = [
    texts.reason[delivery.reason] ?? '',
    next > now ? texts.nextAttempt(format.recent(next, now)) : '',
  ]
    .filter((words) => words !== '')
    .join(' · ');
  const state = texts.state[delivery.state] ?? '';
  return (
    <li className={classes(delivery.state === Delivery_State.FAILED && styles.failed)}>
      {texts.outcome(
        texts.channel[delivery.channel] ?? '',
        reason === '' ? state : texts.because(state, reason),
      )}
    </li>
  );
}
