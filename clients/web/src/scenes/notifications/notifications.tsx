import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';

import { Button } from '@/components/button';
import { Page } from '@/components/page';
import { Skeleton } from '@/components/skeleton';
import { Tabs } from '@/components/tabs';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { AlertsStore } from '@/stores/alerts';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { NotificationsStore } from '@/stores/notifications';

import { NotificationRow } from './notification-row';
import styles from './notifications.module.css';

/** The inbox of notifications, with the result of each delivery. */
export function NotificationsScene() {
  const texts = useTexts('notifications');
  const messages = useMessages();
  const workspace = useWorkspace();
  const store = storeOf(workspace, NotificationsStore);
  const list = useCell(store.list);
  const unread = useCell(store.unread);
  const loading = useCell(store.loading);
  const hasMore = useCell(store.hasMore);
  const [isUnreadOnly, setUnreadOnly] = useState(false);
  const shown = isUnreadOnly ? list.filter((one) => !one.read) : list;

  useEffect(
    () => store.problems.on((problem) => workspace.view.notify(problemText(problem, messages))),
    [store, workspace, messages],
  );

  return (
    <Page
      title={texts.title}
      actions={
        <div className={styles.actions}>
          <Button isDisabled={unread === 0} onPress={() => void store.markRead()}>
            {texts.markAll}
          </Button>
          <Link
            className={styles.settings}
            to="/settings/$section"
            params={{ section: 'notifications' }}
          >
            {texts.preferences}
          </Link>
        </div>
      }
    >
      <AlertsBanner />
      <Tabs
        label={texts.filter}
        tabs={[
          { id: 'all', label: texts.all },
          { id: 'unread', label: texts.unread },
        ]}
        selected={isUnreadOnly ? 'unread' : 'all'}
        onSelect={(id) => setUnreadOnly(id === 'unread')}
      />
      {loading === 'failed' ? (
        <p className={styles.note} role="alert">
          {texts.failed}
        </p>
      ) : null}
      {loading === 'loading' ? <Skeleton label={texts.loading} lines={6} /> : null}
      {loading === 'ready' && shown.length === 0 ? (
        <p className={styles.note}>{isUnreadOnly ? texts.noneUnread : texts.none}</p>
      ) : null}
      {shown.length === 0 ? null : (
        <ul className={styles.list} aria-label={texts.list}>
          {shown.map((notification) => (
            <NotificationRow key={notification.id} notification={notification} store={store} />
          ))}
        </ul>
      )}
      {hasMore ? (
        <div className={styles.more}>
          <Button isDisabled={loading === 'more'} onPress={() => void store.more()}>
            {texts.more}
          </Button>
        </div>
      ) : null}
    </Page>
  );
}

/** Offers browser notifications until the user has decided. */
function AlertsBanner() {
  const texts = useTexts('notifications');
  const alerts = storeOf(useWorkspace(), AlertsStore);
  const state = useCell(alerts.state);
  if (state !== 'unasked' && state !== 'blocked') return null;
  return (
    <div className={styles.banner}>
      <p>{state === 'blocked' ? texts.alertsBlocked : texts.alerts}</p>
      {state === 'blocked' ? null : (
        <Button onPress={() => void alerts.turnOn()}>{texts.turnOn}</Button>
      )}
    </div>
  );
}
