import { Cell } from '@/kit/cell';
import { Signal } from '@/kit/signal';

import { ALL, type ListFilter } from './conversations/filter';

export interface Notice {
  readonly id: string;
  readonly text: string;
  /** Says that something was done; otherwise that it was not. */
  readonly isGood: boolean;
}

/** A message that is being edited or quoted. */
export interface Target {
  readonly conversationId: string;
  readonly seq: number;
}

/** What a task that is being made begins with. */
export interface TaskBeginning {
  readonly title?: string;
  readonly description?: string;
  readonly projectId?: string;
}

/** A line that messages are written in. */
export interface Line {
  readonly conversationId: string;
  readonly root: number;
}

/** What somebody wants to know of a message. */
export interface Asked extends Target {
  readonly about: 'receipts' | 'versions';
}

const MAX_NOTICES = 3;

/** What is open on the page beside its address. */
export class ViewStore {
  readonly switcher = new Cell(false);
  readonly tour = new Cell(false);
  /** The person whose card is open; empty for none. */
  readonly card = new Cell('');
  readonly info = new Cell<Asked | undefined>(undefined);
  readonly newTask = new Cell<TaskBeginning | undefined>(undefined);
  readonly newProject = new Cell(false);
  readonly newGroup = new Cell(false);
  /** The conversation whose folder is being chosen; empty for none. */
  readonly filing = new Cell('');
  /** The conversation in which a day is being looked for; empty for none. */
  readonly dating = new Cell('');
  readonly forwarding = new Cell<Target | undefined>(undefined);
  readonly labelling = new Cell<Target | undefined>(undefined);
  readonly scheduling = new Cell<Line | undefined>(undefined);
  readonly scheduled = new Cell(false);
  readonly filter = new Cell<ListFilter>(ALL);
  /** The line that was written in last. */
  readonly line = new Cell<Line | undefined>(undefined);
  readonly previewing = new Cell(false);
  /** Asks the line that was written in last to send what it holds, without disturbing anybody. */
  readonly sendSilently = new Signal<Line>();
  readonly editing = new Cell<Target | undefined>(undefined);
  readonly quoting = new Cell<Target | undefined>(undefined);
  readonly notices = new Cell<readonly Notice[]>([]);
  #notices = 0;

  notify(text: string, isGood = false): void {
    this.#notices += 1;
    const notice = { id: `${this.#notices}`, text, isGood };
    this.notices.update((all) =>
      [...all.filter((one) => one.text !== text), notice].slice(-MAX_NOTICES),
    );
  }

  dismiss(id: string): void {
    this.notices.update((all) => all.filter((notice) => notice.id !== id));
  }
}
