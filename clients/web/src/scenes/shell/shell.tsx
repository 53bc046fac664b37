import { useNavigate, useRouter, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, type ReactNode } from 'react';

import { isPlain, isPressed } from '@/actions/action';
import type { AppContext } from '@/actions/app';
import { offeredHere } from '@/actions/here';
import { placeOf } from '@/actions/places';
import type { Problem } from '@/api/problems';
import { Icon } from '@/components/icon';
import { preloadMenus } from '@/components/menu';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { ConversationList } from '@/scenes/conversations/conversation-list';
import { personName } from '@/scenes/conversations/naming';
import { useDevice, useWorkspace } from '@/stores/context';

import { Notices } from './notices';
import { Overlays } from './overlays';
import { Rail } from './rail';
import styles from './shell.module.css';

const Switcher = lazy(async () => ({
  default: (await import('@/scenes/switcher/switcher')).Switcher,
}));

// Alerts can load after the page.
const Attention = lazy(async () => ({
  default: (await import('@/scenes/attention/attention')).Attention,
}));

/** Frame of every scene of a signed-in user: navigation, list, notices, shortcuts. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const messages = useMessages();
  const device = useDevice();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const { history } = useRouter();
  const online = useCell(device.live.online);
  const isFinding = useCell(workspace.view.switcher);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const conversationId = decodeURIComponent(/^\/c\/([^/]+)/u.exec(path)?.[1] ?? '');
  const here = placeOf(path);
  // Other scenes have no room for the list.
  const isTalking = here?.id === 'conversations';
  const context = useMemo<AppContext>(
    () => ({
      device,
      workspace,
      conversationId,
      open: (id) =>
        void navigate({ to: '/c/$conversationId', params: { conversationId: id }, search: {} }),
      go: (to) => history.push(to),
    }),
    [device, workspace, conversationId, navigate, history],
  );
  useShortcuts(context);
  usePreloading();
  useEffect(() => {
    const notify = (problem: Problem): void =>
      workspace.view.notify(problemText(problem, messages));
    const stops = [
      workspace.messages.problems.on(notify),
      workspace.arranging.problems.on(notify),
      workspace.outbox.unreached.on(({ personIds }) => {
        const names = personIds.map((id) => personName(id, workspace.people, messages));
        const { listSeparator } = messages.timeline;
        workspace.view.notify(messages.composer.unreached(names.join(listSeparator)));
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [workspace, messages]);
  return (
    <div
      className={classes(
        styles.shell,
        !isTalking && styles.wide,
        isTalking && (conversationId === '' ? styles.listed : styles.opened),
      )}
    >
      <a className={styles.skip} href="#main">
        {messages.shell.skip}
      </a>
      <Rail context={context} here={here} />
      {isTalking ? <ConversationList selected={conversationId} /> : null}
      {isFinding ? (
        <Suspense>
          <Switcher context={context} />
        </Suspense>
      ) : null}
      <Overlays />
      <Suspense>
        <Attention context={context} />
      </Suspense>
      <Notices />
      {online ? null : (
        <div className={styles.offline} role="status">
          <Icon name="offline" size={16} />
          {messages.shell.offline}
        </div>
      )}
      {children}
    </div>
  );
}

/** Run the action whose shortcut is pressed, wherever the focus is. */
function useShortcuts(context: AppContext): void {
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent): void {
      if (event.isComposing) return;
      const action = offeredHere(context).find(
        ({ shortcut }) =>
          shortcut !== undefined &&
          isPressed(shortcut, event) &&
          !(isPlain(shortcut) && isTyping(event.target)),
      );
      if (action === undefined) return;
      event.preventDefault();
      action.run();
    }
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, [context]);
}

// Menus find their entries by first letters; a dialog handles its own keys.
const FIELDS = 'input, textarea, select, [role="menu"], [role="dialog"]';

/** Return whether the focused element handles a key press. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(FIELDS) !== null;
}

/** Preload menus as soon as the user is active: later there may be no network. */
function usePreloading(): void {
  useEffect(() => {
    const begun = new AbortController();
    function preload(): void {
      begun.abort();
      // A failed download is retried when the menu opens.
      preloadMenus().catch(() => undefined);
    }
    for (const sign of ['pointermove', 'pointerdown', 'keydown'] as const) {
      addEventListener(sign, preload, { signal: begun.signal, passive: true });
    }
    return () => begun.abort();
  }, []);
}
