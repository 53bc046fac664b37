import type { ConversationEvent } from '@/gen/plexus/messaging/v1/conversations_pb';
import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { dayOf, milliseconds } from '@/kit/time';
import type { Held } from '@/stores/log/message';
import type { Pending } from '@/stores/outbox';

const TOGETHER_MS = 5 * 60_000;

export type Row =
  | { readonly kind: 'beginning'; readonly key: string }
  | { readonly kind: 'day'; readonly key: string; readonly at: number }
  | { readonly kind: 'unread'; readonly key: string }
  | { readonly kind: 'event'; readonly key: string; readonly event: ConversationEvent }
  | {
      readonly kind: 'message';
      readonly key: string;
      readonly held: Held;
      readonly joined: boolean;
    }
  | {
      readonly kind: 'pending';
      readonly key: string;
      readonly pending: Pending;
      readonly joined: boolean;
    };

interface Source {
  readonly held: readonly Held[];
  readonly pending: readonly Pending[];
  /** Events of the conversation itself, in order. */
  readonly events: readonly ConversationEvent[];
  /** First number of the shown range. */
  readonly from: number;
  /** Last number of the shown range. */
  readonly to: number;
  /** The last message read when the timeline was opened; messages after it are new. */
  readonly readThrough: number;
  readonly personId: string;
}

/**
 * Return the rows of a timeline: messages, the events between them, a separator for each day, and
 * one before new messages.
 */
export function rowsOf(source: Source): Row[] {
  const { held, pending, from, to, readThrough, personId } = source;
  const rows: Row[] = from === 1 ? [{ kind: 'beginning', key: 'beginning' }] : [];
  let day = 0;
  let previous: Message | undefined;
  // The new messages begin before this range, so it does not contain the separator.
  let isNewShown = from > readThrough + 1;
  const events = source.events.filter(({ afterSeq }) => afterSeq >= from - 1 && afterSeq <= to);
  let shownEvents = 0;
  const separate = (at: number): boolean => {
    if (dayOf(at) === day) return false;
    day = dayOf(at);
    rows.push({ kind: 'day', key: `day:${day}`, at });
    return true;
  };
  const showEventsBefore = (seq: number): void => {
    for (; shownEvents < events.length; shownEvents += 1) {
      const event = events[shownEvents];
      if (event === undefined || event.afterSeq >= seq) return;
      separate(milliseconds(event.at));
      rows.push({ kind: 'event', key: `event:${event.changeNo}`, event });
      previous = undefined;
    }
  };
  for (const one of held) {
    const message = one.whole;
    if (message === undefined) continue;
    showEventsBefore(one.seq);
    const isOtherDay = separate(milliseconds(message.sentAt));
    const isNew: boolean = !isNewShown && one.seq > readThrough && message.senderId !== personId;
    if (isNew) rows.push({ kind: 'unread', key: 'unread' });
    isNewShown ||= isNew;
    const joined = !isOtherDay && !isNew && isContinued(previous, message);
    rows.push({ kind: 'message', key: keyOf(message), held: one, joined });
    previous = message;
  }
  showEventsBefore(Infinity);
  const keys = new Set(rows.map((row) => row.key));
  for (const one of pending) {
    const key = `${personId}:${one.requestId}`;
    if (keys.has(key)) continue;
    rows.push({ kind: 'pending', key, pending: one, joined: previous?.senderId === personId });
  }
  return rows;
}

/** Return the key of a message: the same while it is being sent and once it is stored. */
function keyOf(message: Message): string {
  return message.requestId === '' ? `m:${message.seq}` : `${message.senderId}:${message.requestId}`;
}

function isContinued(previous: Message | undefined, message: Message): boolean {
  return (
    previous?.senderId === message.senderId &&
    !previous.recalled &&
    message.rootSeq === previous.rootSeq &&
    milliseconds(message.sentAt) - milliseconds(previous.sentAt) < TOGETHER_MS
  );
}
