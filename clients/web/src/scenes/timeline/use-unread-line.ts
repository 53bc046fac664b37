import { useEffect, useState } from 'react';

import type { ConversationLog } from '@/stores/log/log';

const NOTHING_NEW = Number.POSITIVE_INFINITY;

/**
 * Return the last message before the line that marks what is new.
 *
 * The line stays where it was when the conversation was opened. What comes while somebody looks is
 * not new to them; once they have looked away, what follows is.
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
