import type { Clients } from '@/api/clients';
import type { ConversationEvent } from '@/gen/plexus/messaging/v1/conversations_pb';
import { Cell } from '@/kit/cell';
import { Queue } from '@/kit/queue';

import type { ConversationLog } from '../log/log';

const PAGE = 500;
/** Positions requested beyond those shown, so that scrolling seldom asks. */
const AHEAD = 1000;
const WIDTH = 2;
const UNKNOWN = { low: 1, high: 0, head: '' };

/** A range of the shown messages. */
export interface Shown {
  readonly from: number;
  readonly to: number;
  /** True if it reaches the end of the conversation. */
  readonly isTail: boolean;
}

interface Known {
  readonly events: Cell<readonly ConversationEvent[]>;
  /** Events after this message and up to `high` are known; an empty range: none. */
  low: number;
  high: number;
  /** State of the conversation up to which its last events are known; empty: they are not. */
  head: string;
}

/** Events of conversations themselves, fetched for the messages on the screen. */
export class EventsStore {
  readonly #queue = new Queue(WIDTH);
  readonly #known = new Map<string, Known>();

  constructor(private readonly clients: Clients) {}

  /** Return the events known so far, in the order of the log. */
  of(log: ConversationLog): Cell<readonly ConversationEvent[]> {
    return this.#of(log).events;
  }

  /** Fetch the missing events of a range, and new ones at the end. */
  show(log: ConversationLog, shown: Shown): void {
    if (this.#missing(log, shown) === undefined) return;
    this.#queue.add(log.id, async () => {
      const missing = this.#missing(log, shown);
      if (missing !== undefined) await this.#fetch(log, missing);
    });
  }

  #of(log: ConversationLog): Known {
    const known = this.#known.get(log.id);
    if (known !== undefined) return known;
    const made: Known = { events: new Cell<readonly ConversationEvent[]>([]), ...UNKNOWN };
    this.#known.set(log.id, made);
    return made;
  }

  /** Return the positions to fetch; `high` 0 means to the end. */
  #missing(
    log: ConversationLog,
    { from, to, isTail }: Shown,
  ): { low: number; high: number } | undefined {
    const { low, high, head } = this.#of(log);
    const first = from - 1;
    const isApart = high < low || first > high + 1 || to < low - 1;
    if (isApart) return { low: Math.max(0, first - AHEAD), high: isTail ? 0 : to };
    if (isTail && head !== headOf(log)) return { low: Math.min(first, high), high: 0 };
    if (first < low) return { low: Math.max(0, first - AHEAD), high: low };
    if (!isTail && to > high && head === '') return { low: high, high: to + AHEAD };
    return undefined;
  }

  async #fetch(log: ConversationLog, { low, high }: { low: number; high: number }): Promise<void> {
    const known = this.#of(log);
    const head = headOf(log);
    const end = log.lastSeq;
    const events: ConversationEvent[] = [];
    try {
      for (let pageToken = ''; ;) {
        const page = await this.clients.messaging.listConversationEvents({
          conversationId: log.id,
          afterSeq: BigInt(low),
          throughSeq: BigInt(high),
          pageSize: PAGE,
          pageToken,
        });
        events.push(...page.events);
        pageToken = page.nextPageToken;
        if (pageToken === '') break;
      }
    } catch {
      // Messages are shown without them; the next change of the conversation asks again.
      return;
    }
    const reached = high === 0 ? end : high;
    const isJoined = known.low <= known.high && low <= known.high && reached >= known.low;
    known.low = isJoined ? Math.min(low, known.low) : low;
    known.high = isJoined ? Math.max(reached, known.high) : reached;
    known.head = high === 0 ? head : isJoined ? known.head : '';
    known.events.set(merged(isJoined ? known.events.get() : [], events));
  }
}

/** Return a value that changes with every event of a conversation. */
function headOf({ conversation }: ConversationLog): string {
  return `${conversation.membershipVersion}:${conversation.version}`;
}

function merged(
  known: readonly ConversationEvent[],
  added: readonly ConversationEvent[],
): ConversationEvent[] {
  const byNumber = new Map([...known, ...added].map((event) => [event.changeNo, event]));
  return [...byNumber.values()].sort((one, other) => Number(one.changeNo - other.changeNo));
}
