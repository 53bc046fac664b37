import { useEffect } from 'react';

import { sourceAddress } from '@/actions/addresses';
import type { AppContext } from '@/actions/app';
import type { Notification as Raised } from '@/gen/plexus/notify/v1/notifications_pb';
import { useCell } from '@/kit/cell';
import { isQuiet } from '@/kit/quiet-hours';
import { useMessages } from '@/messages/context';
import { ProfileStore } from '@/stores/account/profile';
import { AlertsStore } from '@/stores/alerts';
import { AttentionStore } from '@/stores/attention';
import { storeOf } from '@/stores/lazy';
import { NotificationChoicesStore } from '@/stores/notification-choices';
import { NotificationsStore } from '@/stores/notifications';

import { setFavicon } from './favicon';

const MAX_SHOWN = 999;

/** Alerts beyond the page: its title and icon, and notifications while it is hidden. */
export function Attention({ context }: { readonly context: AppContext }) {
  const { product } = useMessages();
  const { workspace } = context;
  const count = useCell(storeOf(workspace, AttentionStore).count);

  useEffect(() => {
    const shown = count > MAX_SHOWN ? `${MAX_SHOWN}+` : `${count}`;
    document.title = count === 0 ? product : `(${shown}) ${product}`;
    setFavicon(count);
  }, [count, product]);

  useEffect(() => {
    // From now on other tabs know whether this one is visible.
    storeOf(workspace, AlertsStore);
    const { raised } = storeOf(workspace, NotificationsStore);
    return raised.on((notification) => void alert(notification, context));
  }, [workspace, context]);
  return null;
}

async function alert(raised: Raised, { workspace, go }: AppContext): Promise<void> {
  // Checked on arrival: the tab may be hidden while the server responds.
  if (document.visibilityState === 'visible') return;
  const choices = await storeOf(workspace, NotificationChoicesStore).recent();
  const hours = choices?.quietHours;
  const profile = storeOf(workspace, ProfileStore);
  await profile.load();
  const chosen = hours?.timeZone ?? '';
  const zone = chosen === '' ? (profile.person.get()?.timeZone ?? '') : chosen;
  if (hours !== undefined && isQuiet(hours, zone, Date.now())) return;
  await storeOf(workspace, AlertsStore).show({
    id: raised.id,
    title: raised.title,
    body: raised.body,
    onOpen: () => {
      const address = sourceAddress(raised.source);
      go(address ?? '/notifications');
      if (address !== undefined) void storeOf(workspace, NotificationsStore).markRead([raised.id]);
    },
  });
}
