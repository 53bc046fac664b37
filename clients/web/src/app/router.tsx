import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
} from '@tanstack/react-router';

import { Waiting } from '@/components/waiting';
import { useMessages } from '@/messages/context';
import { Conversation, NoConversation } from '@/scenes/conversations/conversation';
import { Shell } from '@/scenes/shell/shell';

interface FindingSearch {
  readonly q?: string;
  readonly kind?: string;
}

interface TasksSearch {
  readonly view?: string;
  readonly task?: string;
  readonly who?: string;
  readonly state?: string;
  readonly project?: string;
}

interface PeopleSearch {
  readonly department?: string;
  readonly q?: string;
}

interface ConversationSearch {
  readonly thread?: number;
  readonly at?: number;
  /** The panel shown beside the messages instead of a thread. */
  readonly panel?: 'details';
}

const root = createRootRoute({
  component: () => (
    <Shell>
      <Outlet />
    </Shell>
  ),
  notFoundComponent: NoConversation,
});

const home = createRoute({ getParentRoute: () => root, path: '/', component: NoConversation });

const conversation = createRoute({
  getParentRoute: () => root,
  path: '/c/$conversationId',
  validateSearch: (search): ConversationSearch => ({
    ...numberOf('thread', search.thread),
    ...numberOf('at', search.at),
    ...(search.panel === 'details' ? { panel: 'details' } : {}),
  }),
  component: function ConversationRoute() {
    const { conversationId } = conversation.useParams();
    const { thread = 0, at = 0, panel } = conversation.useSearch();
    const isDetailed = panel === 'details';
    return <Conversation id={conversationId} thread={thread} at={at} isDetailed={isDetailed} />;
  },
});

const search = createRoute({
  getParentRoute: () => root,
  path: '/search',
  validateSearch: (asked): FindingSearch => ({
    ...textOf('q', asked.q),
    ...textOf('kind', asked.kind),
  }),
  component: lazyRouteComponent(() => import('@/scenes/search/search'), 'SearchScene'),
});

const tasks = createRoute({
  getParentRoute: () => root,
  path: '/tasks',
  validateSearch: tasksSearch,
  component: lazyRouteComponent(() => import('@/scenes/tasks/tasks'), 'TasksScene'),
});

const tasksPlace = createRoute({
  getParentRoute: () => root,
  path: '/tasks/$place',
  validateSearch: tasksSearch,
  component: lazyRouteComponent(() => import('@/scenes/tasks/tasks'), 'TasksScene'),
});

const people = createRoute({
  getParentRoute: () => root,
  path: '/people',
  validateSearch: (asked): PeopleSearch => textsOf(asked, ['department', 'q']),
  component: lazyRouteComponent(() => import('@/scenes/people/people'), 'PeopleScene'),
});

const notifications = createRoute({
  getParentRoute: () => root,
  path: '/notifications',
  component: lazyRouteComponent(
    () => import('@/scenes/notifications/notifications'),
    'NotificationsScene',
  ),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: lazyRouteComponent(() => import('@/scenes/settings/settings'), 'SettingsScene'),
});

const settingsSection = createRoute({
  getParentRoute: () => root,
  path: '/settings/$section',
  component: lazyRouteComponent(() => import('@/scenes/settings/settings'), 'SettingsScene'),
});

const help = createRoute({
  getParentRoute: () => root,
  path: '/help',
  component: lazyRouteComponent(() => import('@/scenes/help/help'), 'HelpScene'),
});

// A scene appears once it is downloaded; after this time a placeholder replaces the previous one.
const PENDING_MS = 300;

export const router = createRouter({
  defaultPendingMs: PENDING_MS,
  defaultPendingComponent: Pending,
  routeTree: root.addChildren([
    home,
    conversation,
    search,
    tasks,
    tasksPlace,
    people,
    notifications,
    settings,
    settingsSection,
    help,
  ]),
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

function Pending() {
  const { product, starting } = useMessages();
  return <Waiting title={product} label={starting.loading} />;
}

function numberOf(key: string, value: unknown): Readonly<Record<string, number>> {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? { [key]: number } : {};
}

function tasksSearch(asked: Readonly<Record<string, unknown>>): TasksSearch {
  return textsOf(asked, ['view', 'task', 'who', 'state', 'project']);
}

function textsOf(
  asked: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Readonly<Record<string, string>> {
  return Object.assign({}, ...keys.map((key) => textOf(key, asked[key]))) as Record<string, string>;
}

function textOf(key: string, value: unknown): Readonly<Record<string, string>> {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text !== '' ? { [key]: text } : {};
}
