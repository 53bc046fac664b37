import type { Subjects } from '@/messages/subjects';

interface Step {
  readonly id: keyof Subjects['tour']['steps'];
  /** Selector of the part of the navigation that it explains. */
  readonly target: string;
  /** The action whose shortcut appears in its text. */
  readonly action: string | undefined;
}

// On a phone the help menu is part of the account menu.
const HELP = '[data-place="help"], [data-place="account"]';

/** The steps of the tour in order, each about a part of the navigation. */
export const STEPS = [
  { id: 'conversations', target: place('conversations'), action: 'conversation.next' },
  { id: 'search', target: place('search'), action: 'switcher.open' },
  { id: 'tasks', target: place('tasks'), action: undefined },
  { id: 'notifications', target: place('notifications'), action: undefined },
  { id: 'help', target: HELP, action: 'place.help' },
] as const satisfies readonly Step[];

function place(id: string): string {
  return `[data-place="${id}"]`;
}
