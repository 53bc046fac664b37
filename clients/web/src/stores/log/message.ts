import type { Message, MessageParts } from '@/gen/plexus/messaging/v1/messages_pb';

/**
 * Loaded state of one message.
 *
 * Its text and its parts (reactions, pin, labels) have separate revisions: the fact of a reaction
 * contains the parts only, so an earlier edit may arrive after it. Keeping the newer of each gives
 * the same result in every order (MSG-4, MSG-21).
 */
export interface Held {
  readonly seq: number;
  /** The newest complete message; undefined while only parts have arrived. */
  readonly whole: Message | undefined;
  readonly parts: Parts;
}

export type Parts = Pick<MessageParts, 'revision' | 'reactions' | 'labels' | 'pin'>;

const NONE: Parts = { revision: 0n, reactions: [], labels: [], pin: undefined };

export function mergeMessage(held: Held | undefined, message: Message): Held {
  const whole = held?.whole;
  const parts = held?.parts ?? NONE;
  const newer =
    whole === undefined || message.revision > whole.revision || completes(message, whole);
  const newerParts = message.revision >= parts.revision;
  if (held !== undefined && !newer && (!newerParts || message.revision === parts.revision))
    return held;
  return {
    seq: Number(message.seq),
    whole: newer ? message : whole,
    parts: newerParts ? message : parts,
  };
}

export function mergeParts(held: Held | undefined, parts: Parts & { readonly seq: bigint }): Held {
  if (held !== undefined && parts.revision <= held.parts.revision) return held;
  return { seq: Number(parts.seq), whole: held?.whole, parts };
}

/** Return whether a message has a quote's text, which events omit and fetched messages contain. */
function completes(message: Message, whole: Message): boolean {
  if (message.revision !== whole.revision || message.quote === undefined) return false;
  return message.quote.text !== '' && whole.quote?.text === '';
}
