import { useEffect, useState } from 'react';

import type { ConversationLog } from '@/stores/log/log';

const NOTHING_NEW = Number.POSITIVE_INFINITY;

/**
 * Return the last message before the separator of new messages.
 *
 * The separator stays where it was when the conversation was opened. Messages that arrive while the
 * page is visible are not new; messages after it was hidden are.
 */
export function useUnreadLine(log: ConversationLog): number {
  const [readThrough, setReadThrough] = useState(() =>
    log.counts.unread > 0 ? log.cursor : NOTHING_NEW,
  );
  useEffect(() => {
    function onBlur(): void {
      if (log.cursor >= log.lastSeq) setReadThrough(log.lastSeq);
    }
    addEventListener('blur', onBlur);
    return () => removeEventListener('blur', onBlur);
  }, [log]);
  return readThrough;
}
