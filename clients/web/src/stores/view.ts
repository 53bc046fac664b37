import { Cell } from '@/kit/cell';
import { Signal } from '@/kit/signal';

import { ALL, type ListFilter } from './conversations/filter';

export interface Notice {
  readonly id: string;
  readonly text: string;
  /** True for a success message, false for a failure. */
  readonly isGood: boolean;
}

/** A message that is being edited or quoted. */
export interface Target {
  readonly conversationId: string;
  readonly seq: number;
}

/** Initial content of a new task. */
export interface TaskBeginning {
  readonly title?: string;
  readonly description?: string;
  readonly projectId?: string;
}

/** A composer, identified by its conversation and thread. */
export interface Line {
  readonly conversationId: string;
  readonly root: number;
}

/** The requested information about a message. */
export interface Asked extends Target {
  readonly about: 'receipts' | 'versions';
}

const MAX_NOTICES = 3;

/** Open elements of the page that are not part of its address. */
export class ViewStore {
  readonly switcher = new Cell(false);
  readonly tour = new Cell(false);
  /** The person of the open card; empty for none. */
  readonly card = new Cell('');
  readonly info = new Cell<Asked | undefined>(undefined);
  readonly newTask = new Cell<TaskBeginning | undefined>(undefined);
  readonly newProject = new Cell(false);
  readonly newGroup = new Cell(false);
  /** The conversation of the open folder dialog; empty for none. */
  readonly filing = new Cell('');
  /** The conversation of the open date dialog; empty for none. */
  readonly dating = new Cell('');
  readonly forwarding = new Cell<Target | undefined>(undefined);
  readonly labelling = new Cell<Target | undefined>(undefined);
  readonly scheduling = new Cell<Line | undefined>(undefined);
  readonly scheduled = new Cell(false);
  readonly filter = new Cell<ListFilter>(ALL);
  /** The most recently used composer. */
  readonly line = new Cell<Line | undefined>(undefined);
  readonly previewing = new Cell(false);
  /** Requests the most recently used composer to send its text silently. */
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
