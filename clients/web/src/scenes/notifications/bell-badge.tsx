import { Badge } from '@/components/badge';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { NotificationsStore } from '@/stores/notifications';

/** The number of unread notifications on the bell. */
export function BellBadge({ className }: { readonly className: string | undefined }) {
  const messages = useMessages();
  const unread = useCell(storeOf(useWorkspace(), NotificationsStore).unread);
  if (unread === 0) return null;
  return (
    <span className={className}>
      <Badge count={unread} label={messages.conversations.unread(unread)} />
    </span>
  );
}
