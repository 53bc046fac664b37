import { tomorrowMorning } from '@/kit/local-time';
import type { Workspace } from '@/stores/client';
import type { ConversationLog } from '@/stores/log/log';
import { isMuted } from '@/stores/log/settings';

import type { Action } from './action';

/** Context of actions on one conversation. */
export interface ConversationContext {
  readonly workspace: Workspace;
  readonly log: ConversationLog;
  /** Navigates to an address of the client. */
  readonly go: (path: string) => void;
}

const HOUR_MS = 3_600_000;

export const CONVERSATION_ACTIONS: readonly Action<ConversationContext>[] = [
  {
    id: 'conversation.details',
    label: (messages) => messages.actions.details,
    icon: 'menu',
    shortcut: 'mod+i',
    run: ({ log, go }) => go(`/c/${encodeURIComponent(log.id)}?panel=details`),
  },
  {
    id: 'conversation.date',
    label: (messages) => messages.actions.jumpToDate,
    icon: 'calendar',
    shortcut: 'mod+g',
    when: ({ log }) => log.lastSeq > 0,
    run: ({ workspace, log }) => workspace.view.dating.set(log.id),
  },
  {
    id: 'conversation.star',
    label: (messages) => messages.actions.star,
    icon: 'star',
    when: ({ log }) => log.view.settings?.starred !== true,
    run: ({ workspace, log }) => void workspace.arranging.star(log, true),
  },
  {
    id: 'conversation.unstar',
    label: (messages) => messages.actions.unstar,
    icon: 'star',
    when: ({ log }) => log.view.settings?.starred === true,
    run: ({ workspace, log }) => void workspace.arranging.star(log, false),
  },
  {
    id: 'conversation.file',
    label: (messages) => messages.actions.file,
    icon: 'folder',
    run: ({ workspace, log }) => workspace.view.filing.set(log.id),
  },
  {
    id: 'conversation.mute',
    label: (messages) => messages.actions.mute,
    icon: 'mute',
    when: ({ log }) => !isMuted(log, Date.now()),
    run: ({ workspace, log }) => void workspace.arranging.mute(log, true),
  },
  {
    id: 'conversation.mute-hour',
    label: (messages) => messages.actions.muteHour,
    icon: 'mute',
    when: ({ log }) => !isMuted(log, Date.now()),
    run: ({ workspace, log }) => void workspace.arranging.muteUntil(log, Date.now() + HOUR_MS),
  },
  {
    id: 'conversation.mute-tomorrow',
    label: (messages) => messages.actions.muteTomorrow,
    icon: 'mute',
    when: ({ log }) => !isMuted(log, Date.now()),
    run: ({ workspace, log }) =>
      void workspace.arranging.muteUntil(log, tomorrowMorning(Date.now())),
  },
  {
    id: 'conversation.unmute',
    label: (messages) => messages.actions.unmute,
    icon: 'mute',
    when: ({ log }) => isMuted(log, Date.now()),
    run: ({ workspace, log }) => void workspace.arranging.mute(log, false),
  },
  {
    id: 'conversation.mark-unread',
    label: (messages) => messages.actions.markUnread,
    icon: 'unread',
    when: ({ log }) => log.view.settings?.markedUnread !== true,
    run: ({ workspace, log }) => void workspace.arranging.markUnread(log),
  },
];

/** Actions on the most recently used composer. */
export const LINE_ACTIONS: readonly Action<ConversationContext>[] = [
  {
    id: 'line.preview',
    label: (messages) => messages.actions.preview,
    icon: 'eye',
    shortcut: 'mod+e',
    run: ({ workspace }) => workspace.view.previewing.update((isOn) => !isOn),
  },
  {
    id: 'line.send-silently',
    label: (messages) => messages.actions.sendSilently,
    icon: 'mute',
    shortcut: 'mod+shift+enter',
    when: isWritten,
    run: (context) => context.workspace.view.sendSilently.emit(lineOf(context)),
  },
  {
    id: 'line.schedule',
    label: (messages) => messages.actions.schedule,
    icon: 'clock',
    shortcut: 'mod+shift+s',
    when: isWritten,
    run: (context) => context.workspace.view.scheduling.set(lineOf(context)),
  },
];

function lineOf({ workspace, log }: ConversationContext): {
  readonly conversationId: string;
  readonly root: number;
} {
  const line = workspace.view.line.get();
  return line?.conversationId === log.id ? line : { conversationId: log.id, root: 0 };
}

function isWritten(context: ConversationContext): boolean {
  const { conversationId, root } = lineOf(context);
  return (
    !context.log.conversation.archived &&
    context.workspace.drafts.text(conversationId, root).trim() !== ''
  );
}
