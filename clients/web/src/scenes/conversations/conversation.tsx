import { useNavigate, useRouter } from '@tanstack/react-router';
import { lazy, Suspense, useCallback } from 'react';

import { offered, shownShortcut } from '@/actions/action';
import { CONVERSATION_ACTIONS } from '@/actions/conversation';
import { Avatar } from '@/components/avatar';
import { IconButton } from '@/components/button';
import { Menu } from '@/components/menu';
import { Skeleton } from '@/components/skeleton';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { Composer } from '@/scenes/composer/composer';
import { Thread } from '@/scenes/thread/thread';
import { Timeline } from '@/scenes/timeline/timeline';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './conversation.module.css';
import { nameOf } from './naming';

const Details = lazy(async () => ({
  default: (await import('@/scenes/details/details')).Details,
}));

interface Props {
  readonly id: string;
  /** First message of the open thread; 0 for none. */
  readonly thread: number;
  /** Message in the address; 0 for none. */
  readonly at: number;
  /** True while its details are open. */
  readonly isDetailed: boolean;
}

/** A conversation: its messages, the composer, and an open thread. */
export function Conversation({ id, ...shown }: Props) {
  const messages = useMessages();
  const { conversations } = useWorkspace();
  const loading = useCell(conversations.loading);
  useCell(conversations.list);
  const log = conversations.get(id);
  if (log !== undefined) return <Opened key={id} log={log} {...shown} />;
  if (loading !== 'ready') {
    return (
      <main className={styles.main} id="main">
        <Skeleton label={messages.starting.loading} />
      </main>
    );
  }
  return (
    <main className={styles.nothing} id="main">
      <p role="status">{messages.conversations.closed}</p>
    </main>
  );
}

interface OpenedProps extends Omit<Props, 'id'> {
  readonly log: ConversationLog;
}

function Opened({ log, thread, at, isDetailed }: OpenedProps) {
  const navigate = useNavigate();
  const show = useCallback(
    (search: { thread?: number; at?: number; panel?: 'details' }) =>
      void navigate({ to: '/c/$conversationId', params: { conversationId: log.id }, search }),
    [navigate, log.id],
  );
  const openThread = useCallback((root: number) => show({ thread: root }), [show]);
  return (
    <div className={classes(styles.conversation, (thread > 0 || isDetailed) && styles.withThread)}>
      <main className={styles.main} id="main">
        <Head log={log} />
        <Timeline
          key={at}
          log={log}
          at={at}
          onThread={openThread}
          onLatest={() => show({})}
          onJump={(seq) => show({ at: seq })}
        />
        <Composer log={log} root={0} />
      </main>
      {isDetailed ? (
        <Suspense>
          <Details log={log} onClose={() => show({})} onJump={(seq) => show(jumping(seq))} />
        </Suspense>
      ) : null}
      {thread > 0 && !isDetailed ? (
        <Thread key={thread} log={log} root={thread} onClose={() => show({})} />
      ) : null}
    </div>
  );
}

/** A narrow window has no room for both panels: the requested message is shown. */
function jumping(at: number): { at: number; panel?: 'details' } {
  return matchMedia('(max-width: 1100px)').matches ? { at } : { at, panel: 'details' };
}

function Head({ log }: { readonly log: ConversationLog }) {
  const messages = useMessages();
  const navigate = useNavigate();
  const { history } = useRouter();
  const workspace = useWorkspace();
  const { people } = workspace;
  useCell(log.version);
  useCell(people.version);
  const name = nameOf(log, people, messages);
  const isGroup = log.view.peerId === '';
  const note = isGroup
    ? [
        messages.conversations.membersCount(log.conversation.memberCount),
        plainName(log.conversation.topic),
      ]
    : [people.get(log.view.peerId)?.title ?? ''];
  const context = { workspace, log, go: (path: string) => history.push(path) };
  const entries = offered(CONVERSATION_ACTIONS, context).map((action) => ({
    id: action.id,
    label: action.label(messages),
    icon: action.icon,
    shortcut: shownShortcut(action.shortcut),
    run: () => action.run(context),
  }));
  return (
    <header className={styles.head}>
      <div className={styles.back}>
        <IconButton
          icon="back"
          label={messages.conversations.back}
          onPress={() => void navigate({ to: '/' })}
        />
      </div>
      <Avatar id={log.view.peerId || log.id} name={name} group={isGroup} />
      <div className={styles.names}>
        <h1>
          <bdi>{name}</bdi>
        </h1>
        <span className={styles.note}>{note.filter((words) => words !== '').join(' · ')}</span>
      </div>
      <IconButton
        icon="group"
        label={messages.actions.details}
        onPress={() => context.go(`/c/${encodeURIComponent(log.id)}?panel=details`)}
      />
      <Menu label={messages.conversations.actions} entries={entries}>
        <IconButton icon="more" label={messages.conversations.actions} />
      </Menu>
    </header>
  );
}

/** Placeholder while no conversation is selected. */
export function NoConversation() {
  const messages = useMessages();
  return (
    <main className={styles.nothing} id="main">
      <div>
        <h1 className="visually-hidden">{messages.product}</h1>
        <p>{messages.conversations.choose}</p>
      </div>
    </main>
  );
}
