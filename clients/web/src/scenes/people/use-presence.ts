import { useEffect } from 'react';

import { useCell } from '@/kit/cell';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { PresenceStore } from '@/stores/presence';

/** Query the presence of shown people, and follow the stream. */
export function usePresence(ids: readonly string[]): PresenceStore {
  const presence = storeOf(useWorkspace(), PresenceStore);
  useCell(presence.version);
  const asked = ids.join(' ');
  useEffect(() => {
    if (asked !== '') void presence.load(asked.split(' '));
  }, [presence, asked]);
  return presence;
}
