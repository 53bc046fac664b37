import { useRouter } from '@tanstack/react-router';

import { offered, shownShortcut } from '@/actions/action';
import { LINE_ACTIONS } from '@/actions/conversation';
import { IconButton } from '@/components/button';
import { Menu } from '@/components/menu';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './composer.module.css';

interface Props {
  readonly log: ConversationLog;
  readonly isWritten: boolean;
  readonly onSend: () => void;
}

/** The buttons below the composer: send, and other ways to send. */
export function ComposerBar({ log, isWritten, onSend }: Props) {
  const messages = useMessages();
  const { history } = useRouter();
  const workspace = useWorkspace();
  const context = { workspace, log, go: (path: string) => history.push(path) };
  const entries = offered(LINE_ACTIONS, context).map((action) => ({
    id: action.id,
    label: action.label(messages),
    icon: action.icon,
    shortcut: shownShortcut(action.shortcut),
    run: () => action.run(context),
  }));
  return (
    <div className={styles.bar}>
      <span className={styles.hint}>{messages.composer.hint}</span>
      <Menu label={messages.composer.options} entries={entries}>
        <IconButton icon="more" label={messages.composer.options} />
      </Menu>
      <IconButton
        icon="send"
        label={messages.composer.send}
        isDisabled={!isWritten}
        onPress={onSend}
      />
    </div>
  );
}
