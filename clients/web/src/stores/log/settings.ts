import type { ConversationLog } from './log';

/** Return whether the user has muted a conversation. */
export function isMuted(log: ConversationLog, now: number): boolean {
  const until = log.view.settings?.mutedUntil;
  return until !== undefined && Number(until.seconds) * 1000 > now;
}
