import { useState } from 'react';

import { offered, shownShortcut } from '@/actions/action';
import { MESSAGE_ACTIONS } from '@/actions/message';
import { IconButton } from '@/components/button';
import { Menu } from '@/components/menu';
import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';
import type { Parts } from '@/stores/log/message';

import styles from './message.module.css';
import { ReactionPicker } from './reactions';

interface Props {
  readonly message: Message;
  readonly parts: Parts;
  readonly onThread: (root: number) => void;
  readonly inThread: boolean;
}

/** Actions on a message: the most frequent ones as buttons, all of them in a menu. */
export function MessageToolbar({ message, parts, onThread, inThread }: Props) {
  const messages = useMessages();
  const workspace = useWorkspace();
  const [isPicking, setPicking] = useState(false);
  const context = {
    workspace,
    inThread,
    message,
    openThread: onThread,
    pickReaction: () => setPicking(true),
  };
  const entries = offered(MESSAGE_ACTIONS, context).map((action) => ({
    id: action.id,
    label: action.label(messages),
    icon: action.icon,
    shortcut: shownShortcut(action.shortcut),
    danger: action.danger,
    run: () => action.run(context),
  }));
  return (
    <div className={styles.toolbar} role="group" aria-label={messages.timeline.actions}>
      <ReactionPicker message={message} parts={parts} isOpen={isPicking} onOpen={setPicking} />
      {inThread ? null : (
        <IconButton
          icon="thread"
          label={messages.actions.reply}
          small
          onPress={() => onThread(Number(message.rootSeq || message.seq))}
        />
      )}
      <Menu label={messages.timeline.actions} entries={entries}>
        <IconButton icon="more" label={messages.timeline.more} small />
      </Menu>
    </div>
  );
}
