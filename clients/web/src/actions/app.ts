import type { Device, Workspace } from '@/stores/client';

import type { Action } from './action';
import { PLACES, type Place } from './places';

/** Context of actions on the whole page. */
export interface AppContext {
  readonly device: Device;
  readonly workspace: Workspace;
  /** The open conversation; empty for none. */
  readonly conversationId: string;
  readonly open: (conversationId: string) => void;
  /** Navigates to an address of the client. */
  readonly go: (path: string) => void;
}

export const APP_ACTIONS: readonly Action<AppContext>[] = [
  {
    id: 'switcher.open',
    label: (messages) => messages.actions.switcher,
    icon: 'search',
    shortcut: 'mod+k',
    run: ({ workspace }) => workspace.view.switcher.set(true),
  },
  {
    id: 'conversation.next',
    label: (messages) => messages.actions.nextConversation,
    shortcut: 'alt+arrowdown',
    run: (context) => step(context, 1),
  },
  {
    id: 'conversation.previous',
    label: (messages) => messages.actions.previousConversation,
    shortcut: 'alt+arrowup',
    run: (context) => step(context, -1),
  },
  {
    id: 'conversation.next-unread',
    label: (messages) => messages.actions.nextUnread,
    shortcut: 'alt+shift+arrowdown',
    run: ({ workspace, conversationId, open }) => {
      const unread = workspace.conversations.list
        .get()
        .find((log) => log.id !== conversationId && log.counts.unread > 0);
      if (unread !== undefined) open(unread.id);
    },
  },
  {
    id: 'conversation.new',
    label: (messages) => messages.actions.newGroup,
    icon: 'plus',
    shortcut: 'n',
    run: ({ workspace }) => workspace.view.newGroup.set(true),
  },
  {
    id: 'message.scheduled',
    label: (messages) => messages.actions.scheduled,
    icon: 'clock',
    run: ({ workspace }) => workspace.view.scheduled.set(true),
  },
  filter('all'),
  filter('unread'),
  filter('starred'),
  filter('archived'),
  ...PLACES.map(visit),
  theme('system'),
  theme('light'),
  theme('dark'),
  {
    id: 'language.zh-CN',
    label: (messages) => messages.actions.chinese,
    when: ({ device }) => device.preferences.locale.get() !== 'zh-CN',
    run: ({ device }) => device.preferences.setLocale('zh-CN'),
  },
  {
    id: 'language.en',
    label: (messages) => messages.actions.english,
    when: ({ device }) => device.preferences.locale.get() !== 'en',
    run: ({ device }) => device.preferences.setLocale('en'),
  },
  {
    id: 'help.tour',
    label: (messages) => messages.actions.tour,
    icon: 'play',
    run: ({ workspace }) => workspace.view.tour.set(true),
  },
  {
    id: 'session.sign-out',
    label: (messages) => messages.actions.signOut,
    danger: true,
    run: ({ device }) => void device.session.signOut(),
  },
];

/** The actions of the account menu; the switcher offers all actions. */
export const ACCOUNT_ACTIONS = APP_ACTIONS.filter(({ id }) =>
  /^(place\.settings$|theme\.|language\.|session\.)/u.test(id),
);

/** The actions of the help menu. */
export const HELP_ACTIONS = APP_ACTIONS.filter(({ id }) => /^(place\.help$|help\.)/u.test(id));

function visit(place: Place): Action<AppContext> {
  return {
    id: `place.${place.id}`,
    label: (messages) => messages.actions.visit(place.label(messages)),
    icon: place.icon,
    ...(place.shortcut === undefined ? {} : { shortcut: place.shortcut }),
    run: ({ go }) => go(place.path),
  };
}

function filter(kind: 'all' | 'unread' | 'starred' | 'archived'): Action<AppContext> {
  return {
    id: `filter.${kind}`,
    label: (messages) => messages.actions.filter(messages.conversations.filters[kind]),
    icon: 'message',
    when: ({ workspace }) => workspace.view.filter.get().kind !== kind,
    run({ workspace, go }) {
      workspace.view.filter.set({ kind });
      go('/');
    },
  };
}

function theme(name: 'system' | 'light' | 'dark'): Action<AppContext> {
  const labels = { system: 'themeSystem', light: 'themeLight', dark: 'themeDark' } as const;
  return {
    id: `theme.${name}`,
    label: (messages) => messages.actions[labels[name]],
    when: ({ device }) => device.preferences.theme.get() !== name,
    run: ({ device }) => device.preferences.setTheme(name),
  };
}

function step({ workspace, conversationId, open }: AppContext, by: 1 | -1): void {
  const list = workspace.conversations.list.get();
  const at = list.findIndex((log) => log.id === conversationId);
  const next = list[at < 0 ? 0 : (at + by + list.length) % list.length];
  if (next !== undefined) open(next.id);
}
