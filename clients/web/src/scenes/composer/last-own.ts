import type { ConversationLog } from '@/stores/log/log';

const REACH = 200;

/** Return the newest own message that can be edited; 0 for none. */
export function lastOwn(log: ConversationLog, root: number): number {
  const held = log.between(Math.max(1, log.lastSeq - REACH), log.lastSeq);
  const own = held.findLast(
    ({ whole }) =>
      whole?.senderId === log.personId &&
      !whole.recalled &&
      (root === 0 || Number(whole.rootSeq) === root),
  );
  return own?.seq ?? 0;
}
