import { memo } from 'react';

import { Avatar } from '@/components/avatar';
import { Notify, Priority, type Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { personName } from '@/scenes/conversations/naming';
import { PersonButton } from '@/scenes/people/person-button';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';
import type { Held } from '@/stores/log/message';

import { Editor } from './editor';
import { MessageBody } from './message-body';
import { MessageToolbar } from './message-toolbar';
import styles from './message.module.css';
import { Reactions } from './reactions';
import { Quoted, RepliedTo } from './references';
import { Tags } from './tags';

interface Props {
  readonly log: ConversationLog;
  readonly held: Held;
  /** True if it closely follows another message of the same sender. */
  readonly joined: boolean;
  readonly onThread: (root: number) => void;
  /** True if it is shown in the panel of its thread, where every message belongs to it. */
  readonly inThread?: boolean;
}

export const MessageRow = memo(function MessageRow({
  log,
  held,
  joined,
  onThread,
  inThread = false,
}: Props) {
  const { messages, format } = useLanguage();
  const { people, view } = useWorkspace();
  useCell(people.version);
  const editing = useCell(view.editing);
  const message = held.whole;
  if (message === undefined) return null;
  const sender = personName(message.senderId, people, messages);
  const at = milliseconds(message.sentAt);
  const isEditing = editing?.conversationId === log.id && editing.seq === held.seq;
  return (
    <article
      className={classes(styles.message, joined && styles.joined)}
      tabIndex={-1}
      data-seq={held.seq}
      aria-label={`${sender} ${format.time(at)}`}
    >
      {joined ? (
        <time
          className={styles.gutter}
          dateTime={new Date(at).toISOString()}
          title={format.full(at)}
        >
          {format.time(at)}
        </time>
      ) : (
        <PersonButton id={message.senderId} isPicture>
          <Avatar id={message.senderId} name={sender} />
        </PersonButton>
      )}
      <div className={styles.content}>
        {joined ? null : <Head message={message} sender={sender} at={at} />}
        {message.recalled ? (
          <Recalled message={message} />
        ) : (
          <>
            {inThread ? null : <RepliedTo log={log} message={message} onThread={onThread} />}
            <Quoted log={log} message={message} />
            {isEditing ? <Editor message={message} /> : <MessageBody message={message} />}
            <Tags parts={held.parts} />
            <Reactions message={message} parts={held.parts} />
          </>
        )}
      </div>
      {message.recalled || isEditing ? null : (
        <MessageToolbar
          message={message}
          parts={held.parts}
          onThread={onThread}
          inThread={inThread}
        />
      )}
    </article>
  );
});

function Head({
  message,
  sender,
  at,
}: {
  readonly message: Message;
  readonly sender: string;
  readonly at: number;
}) {
  const { messages, format } = useLanguage();
  return (
    <div className={styles.head}>
      <PersonButton id={message.senderId}>
        <bdi className={styles.sender}>{sender}</bdi>
      </PersonButton>
      <time className={styles.note} dateTime={new Date(at).toISOString()} title={format.full(at)}>
        {format.time(at)}
      </time>
      {message.notify === Notify.NONE ? (
        <span className={styles.note}>{messages.timeline.silent}</span>
      ) : null}
      {message.priority === Priority.URGENT ? (
        <span className={styles.urgent}>{messages.timeline.urgent}</span>
      ) : null}
      {message.priority === Priority.IMPORTANT ? (
        <span className={styles.important}>{messages.timeline.important}</span>
      ) : null}
    </div>
  );
}

function Recalled({ message }: { readonly message: Message }) {
  const { messages } = useLanguage();
  const { people, personId } = useWorkspace();
  const by = message.recalledBy || message.senderId;
  return (
    <p className={styles.recalled}>
      {by === personId
        ? messages.timeline.recalledByYou
        : messages.timeline.recalledBy(personName(by, people, messages))}
    </p>
  );
}
