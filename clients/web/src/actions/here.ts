import type { Messages } from '@/messages/messages';

import { offered, type Action, type ActionIcon } from './action';
import { APP_ACTIONS, type AppContext } from './app';
import { CONVERSATION_ACTIONS, LINE_ACTIONS } from './conversation';

/** An action with its context. */
export interface Ready {
  readonly id: string;
  readonly label: (messages: Messages) => string;
  readonly icon?: ActionIcon;
  readonly shortcut?: string;
  readonly run: () => void;
}

/** Return the available actions: on the page, and on the open conversation. */
export function offeredHere(context: AppContext): readonly Ready[] {
  const { workspace, conversationId, go } = context;
  const log = workspace.conversations.get(conversationId);
  const here = log === undefined ? undefined : { workspace, log, go };
  return [
    ...ready(APP_ACTIONS, context),
    ...(here === undefined ? [] : ready([...CONVERSATION_ACTIONS, ...LINE_ACTIONS], here)),
  ];
}

function ready<Context>(actions: readonly Action<Context>[], context: Context): readonly Ready[] {
  return offered(actions, context).map((action) => ({ ...action, run: () => action.run(context) }));
}
