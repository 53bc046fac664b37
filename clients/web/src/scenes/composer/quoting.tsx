import { IconButton } from '@/components/button';
import { Icon } from '@/components/icon';
import { excerpt } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './composer.module.css';

const SHOWN = 100;

/** The message to be quoted. */
export function Quoting({ log, seq }: { readonly log: ConversationLog; readonly seq: number }) {
  const messages = useMessages();
  const { people, view } = useWorkspace();
  const message = log.get(seq)?.whole;
  if (message === undefined) return null;
  return (
    <div className={styles.quote}>
      <Icon name="quote" size={15} />
      <span className={styles.words}>
        {messages.composer.quoting(personName(message.senderId, people, messages))} ·{' '}
        {excerpt(message.text, SHOWN)}
      </span>
      <IconButton
        icon="close"
        label={messages.composer.cancelQuote}
        small
        onPress={() => view.quoting.set(undefined)}
      />
    </div>
  );
}
