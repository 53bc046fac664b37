import type { Events } from '@/gen/plexus/gateway/v1/session_service_pb';
import type {
  Conversation,
  ConversationSettings,
  ConversationView,
} from '@/gen/plexus/messaging/v1/conversations_pb';
import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import type {
  ListChangesResponse,
  ListMessagesResponse,
} from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { Cell } from '@/kit/cell';
import { Intervals } from '@/kit/intervals';

import { factOf, type Fact } from './facts';
import { mergeMessage, mergeParts, type Held } from './message';
import { countUnread, type Counts } from './unread';

/** Data to fetch after applying changes. */
export interface Needs {
  /** Changes since `through`: at least one is missing. */
  readonly changes: boolean;
  /** The view: its counts can no longer be derived from the loaded messages. */
  readonly view: boolean;
}

export const NO_NEEDS: Needs = { changes: false, view: false };

/**
 * This browser's state of a conversation: a snapshot and every later change, by number (MSG-6).
 *
 * The log has been read without a gap up to `through`. Contents are merged by version, so repeated,
 * late and reordered changes have no effect; only a gap must be fetched.
 */
export class ConversationLog {
  readonly id: string;
  /** Incremented by every change; observed by renderers. */
  readonly version = new Cell(0);
  /** Incremented when a message is pinned or unpinned. */
  readonly pins = new Cell(0);
  view: ConversationView;
  conversation: Conversation;
  through: number;
  lastSeq: number;
  /** The user's read position on any device (MSG-7). */
  cursor: number;
  /** Increased by each new message: the sort key of the conversation list. */
  activity = 0;
  /** Ranges of numbers in which every visible message is loaded. */
  readonly stretches = new Intervals();
  readonly #held = new Map<number, Held>();

  constructor(
    view: ConversationView,
    readonly personId: string,
  ) {
    this.view = view;
    this.conversation = conversationOf(view);
    this.id = this.conversation.id;
    this.through = Number(this.conversation.changeNo);
    this.lastSeq = Number(this.conversation.lastSeq);
    this.cursor = Number(view.readThroughSeq);
  }

  get counts(): Counts {
    return countUnread(this);
  }

  get(seq: number): Held | undefined {
    return this.#held.get(seq);
  }

  /** Return the visible messages of a range in order. */
  between(from: number, to: number): Held[] {
    const found: Held[] = [];
    for (let seq = from; seq <= to; seq += 1) {
      const held = this.#held.get(seq);
      if (held?.whole !== undefined) found.push(held);
    }
    return found;
  }

  /** Return the loaded messages of a thread in order, including its first message. */
  thread(root: number): Held[] {
    return [...this.#held.values()]
      .filter(
        ({ seq, whole }) => whole !== undefined && (seq === root || Number(whole.rootSeq) === root),
      )
      .sort((one, other) => one.seq - other.seq);
  }

  /** Return the newest loaded message, if no newer one is missing. */
  get last(): Held | undefined {
    const part = this.stretches.around(this.lastSeq);
    if (part === undefined) return undefined;
    for (let seq = part.to; seq >= part.from; seq -= 1) {
      const held = this.#held.get(seq);
      if (held?.whole !== undefined) return held;
    }
    return undefined;
  }

  /** Apply events of the stream; report a gap before them. */
  applyEvents(events: Events): Needs {
    const after = Number(events.after);
    const through = Number(events.through);
    if (through <= this.through) return NO_NEEDS;
    const inOrder = after <= this.through;
    let needs = inOrder ? NO_NEEDS : { changes: true, view: false };
    for (const envelope of events.events) {
      const fact = factOf(envelope);
      if (fact.kind === 'unknown') needs = { ...needs, changes: true };
      else needs = { ...needs, view: this.#apply(fact, inOrder) || needs.view };
    }
    if (inOrder && !needs.changes) this.through = through;
    this.#changed();
    return needs;
  }

  /** Apply one page of changes since `through`; after the last page no change is missing. */
  applyChanges(response: ListChangesResponse): Needs {
    let view = false;
    for (const { entity } of response.changes) {
      if (entity.case === 'message') {
        view = this.#apply({ kind: 'message', message: entity.value }, true) || view;
      }
      if (entity.case === 'conversation') {
        view = this.#apply({ kind: 'conversation', conversation: entity.value }, true) || view;
      }
      if (entity.case === 'members') view = true;
    }
    this.through = Math.max(this.through, Number(response.through));
    this.#changed();
    return { changes: response.hasMore, view };
  }

  /**
   * Apply a page of history.
   *
   * Args:
   *   page: the response.
   *   asked: the requested `before` or `after`; 0 means from the end.
   */
  applyPage(page: ListMessagesResponse, asked: { before: number } | { after: number }): void {
    const seqs = page.messages.map((message) => Number(message.seq));
    const first = seqs[0];
    const last = seqs.at(-1);
    for (const message of page.messages) this.#merge(message);
    const end = Number(page.lastSeq);
    if ('after' in asked) {
      this.stretches.add(asked.after + 1, page.hasMore && last !== undefined ? last : end);
    } else {
      const to = asked.before > 0 ? asked.before - 1 : end;
      this.stretches.add(page.hasMore && first !== undefined ? first : 1, to);
    }
    // Only a page that reaches the end leaves no gap before it.
    if (this.stretches.around(end) !== undefined) this.lastSeq = Math.max(this.lastSeq, end);
    this.#changed();
  }

  /**
   * Restore messages stored in this browser, up to the last one of the view.
   *
   * Args:
   *   parts: the parts of the same messages, as messages without text.
   */
  restore(wholes: readonly Message[], parts: readonly Message[]): void {
    const first = wholes[0];
    if (first === undefined || !this.holdsNothing) return;
    for (const message of wholes) this.#merge(message);
    for (const one of parts) this.#hold(mergeParts(this.#held.get(Number(one.seq)), one));
    this.stretches.add(Number(first.seq), this.lastSeq);
    this.#changed();
  }

  /** Apply one message from a fetch or from the response of a call. */
  applyMessage(message: Message): void {
    this.#merge(message);
    this.#changed();
  }

  /** Apply a newer view: counts, settings, the conversation's own fields. */
  applyView(view: ConversationView): void {
    const conversation = conversationOf(view);
    if (conversation.changeNo < conversationOf(this.view).changeNo) return;
    this.view = view;
    this.#applyConversation(conversation);
    this.cursor = Math.max(this.cursor, Number(view.readThroughSeq));
    this.#changed();
  }

  applySettings(settings: ConversationSettings): void {
    this.view = { ...this.view, settings };
    this.#changed();
  }

  /** Move the read cursor, which never decreases (MSG-7). Return whether the view is needed. */
  applyCursor(through: number): boolean {
    if (through <= this.cursor) return false;
    this.cursor = through;
    this.#changed();
    return !this.counts.exact;
  }

  get holdsNothing(): boolean {
    return this.#held.size === 0;
  }

  /** Start from the newest view while no message is loaded that could miss a change. */
  restart(): void {
    this.reset(this.view);
  }

  /** Discard the loaded messages: the server no longer has the changes since then (MSG-6). */
  reset(view: ConversationView): void {
    this.#held.clear();
    this.stretches.clear();
    this.view = view;
    this.conversation = conversationOf(view);
    this.through = Number(this.conversation.changeNo);
    this.lastSeq = Number(this.conversation.lastSeq);
    this.cursor = Math.max(this.cursor, Number(view.readThroughSeq));
    this.#changed();
  }

  /** Apply a fact; return whether the counts can no longer be derived from loaded messages. */
  #apply(fact: Exclude<Fact, { kind: 'unknown' }>, inOrder: boolean): boolean {
    switch (fact.kind) {
      case 'message':
        return this.#applyMessage(fact.message, inOrder);
      case 'parts':
        this.#hold(mergeParts(this.#held.get(Number(fact.parts.seq)), fact.parts));
        return false;
      case 'conversation':
        this.#applyConversation(fact.conversation);
        return false;
      case 'members':
        return true;
      case 'nothing':
        return false;
    }
  }

  #applyMessage(message: Message, inOrder: boolean): boolean {
    const seq = Number(message.seq);
    this.#merge(message);
    if (seq > this.lastSeq && inOrder) {
      // Numbers in between are hidden from this user: every visible message up to here is loaded.
      this.stretches.add(this.lastSeq + 1, seq);
      this.lastSeq = seq;
      return message.mentions.some((mention) => mention.target.case === 'departmentId');
    }
    // A recall or an edit of a message that the view counted.
    return seq > this.cursor && !this.counts.exact && Number(message.revision) > 1;
  }

  #applyConversation(conversation: Conversation): void {
    if (conversation.version >= this.conversation.version) this.conversation = conversation;
  }

  #merge(message: Message): void {
    this.#hold(mergeMessage(this.#held.get(Number(message.seq)), message));
  }

  #hold(held: Held): void {
    const wasPinned = this.#held.get(held.seq)?.parts.pin !== undefined;
    this.#held.set(held.seq, held);
    if (wasPinned !== (held.parts.pin !== undefined)) this.pins.update((count) => count + 1);
  }

  #changed(): void {
    this.version.update((version) => version + 1);
  }
}

function conversationOf(view: ConversationView): Conversation {
  if (view.conversation === undefined) throw new Error('A view without its conversation.');
  return view.conversation;
}
