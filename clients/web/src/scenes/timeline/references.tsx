import { useEffect } from 'react';
import { Button } from 'react-aria-components';

import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { classes } from '@/kit/classes';
import { excerpt } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './message.module.css';

const SHOWN = 80;

interface Props {
  readonly log: ConversationLog;
  readonly message: Message;
}

/** The quoted message with its current text. */
export function Quoted({ log, message }: Props) {
  const messages = useMessages();
  const { people, history } = useWorkspace();
  const { quote } = message;
  const held = quote === undefined ? undefined : log.get(Number(quote.seq))?.whole;
  const isMissing =
    quote !== undefined && held === undefined && quote.text === '' && !quote.unavailable;
  useEffect(() => {
    if (isMissing) history.one(log, Number(quote.seq));
  }, [isMissing, history, log, quote]);
  if (quote === undefined) return null;
  if (quote.unavailable || held?.recalled === true) {
    return (
      <blockquote className={styles.reference}>{messages.timeline.quoteUnavailable}</blockquote>
    );
  }
  return (
    <blockquote className={styles.reference}>
      <bdi>{personName(quote.senderId, people, messages)}</bdi>:{' '}
      {excerpt(held?.text ?? quote.text, SHOWN)}
    </blockquote>
  );
}

interface RepliedProps extends Props {
  readonly onThread: (root: number) => void;
}

/** The first message of a reply's thread; opens the thread. */
export function RepliedTo({ log, message, onThread }: RepliedProps) {
  const messages = useMessages();
  const { people, history } = useWorkspace();
  const root = Number(message.rootSeq);
  const isReply = root > 0 && root !== Number(message.seq);
  const first = isReply ? log.get(root)?.whole : undefined;
  useEffect(() => {
    if (isReply && first === undefined) history.one(log, root);
  }, [isReply, first, history, log, root]);
  if (!isReply) return null;
  const words = first === undefined || first.recalled ? '' : excerpt(first.text, SHOWN);
  const name = first === undefined ? '' : personName(first.senderId, people, messages);
  return (
    <Button className={classes(styles.reference)} onPress={() => onThread(root)}>
      {first === undefined
        ? messages.timeline.openThread
        : `${messages.timeline.replyTo(name)}: ${words}`}
    </Button>
  );
}
