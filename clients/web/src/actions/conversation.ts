import type { Workspace } from '@/stores/client';
import type { ConversationLog } from '@/stores/log/log';
import { isMuted } from '@/stores/log/settings';

import type { Action } from './action';

/** What actions on one conversation work with. */
export interface ConversationContext {
  readonly workspace: Workspace;
  readonly log: ConversationLog;
}

export const CONVERSATION_ACTIONS: readonly Action<ConversationContext>[] = [
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
    id: 'conversation.mute',
    label: (messages) => messages.actions.mute,
    icon: 'mute',
    when: ({ log }) => !isMuted(log, Date.now()),
    run: ({ workspace, log }) => void workspace.arranging.mute(log, true),
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
