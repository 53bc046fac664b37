import { useEffect, useState } from 'react';

import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

/** Move the read cursor to the last message on the screen while the page is visible. */
export function useReadCursor(log: ConversationLog, lastSeen: number, isTail: boolean): void {
  const { reading } = useWorkspace();
  const [isLooking, setLooking] = useState(isLookedAt);

  useEffect(() => {
    const update = (): void => setLooking(isLookedAt());
    for (const event of ['focus', 'blur'] as const) addEventListener(event, update);
    document.addEventListener('visibilitychange', update);
    return () => {
      for (const event of ['focus', 'blur'] as const) removeEventListener(event, update);
      document.removeEventListener('visibilitychange', update);
    };
  }, []);

  useEffect(() => {
    if (isLooking && lastSeen > 0) reading.advance(log.id, lastSeen);
  }, [isLooking, isTail, lastSeen, log, reading]);
}

function isLookedAt(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus();
}
