import type { Messages } from '@/messages/messages';

import type { ActionIcon } from './action';

/** A scene in the navigation. */
export interface Place {
  readonly id: string;
  readonly path: '/' | '/search' | '/tasks' | '/people' | '/notifications' | '/settings' | '/help';
  readonly icon: ActionIcon;
  readonly label: (messages: Messages) => string;
  readonly shortcut?: string;
  /** Prefixes of the other addresses that belong to it. */
  readonly also?: readonly string[];
  /** Not in the navigation; a menu leads to it. */
  readonly hidden?: boolean;
}

export const PLACES: readonly Place[] = [
  {
    id: 'conversations',
    path: '/',
    icon: 'message',
    label: (messages) => messages.shell.conversations,
    also: ['/c/'],
  },
  {
    id: 'search',
    path: '/search',
    icon: 'search',
    label: (messages) => messages.places.search,
    shortcut: 'mod+shift+f',
  },
  {
    id: 'tasks',
    path: '/tasks',
    icon: 'task',
    label: (messages) => messages.places.tasks,
    also: ['/tasks/'],
  },
  {
    id: 'people',
    path: '/people',
    icon: 'person',
    label: (messages) => messages.places.people,
  },
  {
    id: 'notifications',
    path: '/notifications',
    icon: 'bell',
    label: (messages) => messages.places.notifications,
  },
  {
    id: 'settings',
    path: '/settings',
    icon: 'settings',
    label: (messages) => messages.places.settings,
    shortcut: 'mod+,',
    also: ['/settings/'],
    hidden: true,
  },
  {
    id: 'help',
    path: '/help',
    icon: 'help',
    label: (messages) => messages.places.guide,
    shortcut: '?',
    hidden: true,
  },
];

/** Return the place that an address belongs to; the first one for an unknown address. */
export function placeOf(path: string): Place | undefined {
  const found = PLACES.find(
    (place) => place.path === path || place.also?.some((beginning) => path.startsWith(beginning)),
  );
  return found ?? PLACES[0];
}
