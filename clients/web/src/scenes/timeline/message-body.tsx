import { memo, useState } from 'react';

import { Button } from '@/components/button';
import type { Forwarded, Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { classes } from '@/kit/classes';
import { safeAddress } from '@/kit/rich-text';
import { milliseconds } from '@/kit/time';
import { useLanguage, useMessages } from '@/messages/context';
import { nameOf, personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';

import styles from './body.module.css';
import { Outside, RichText } from './rich-text-view';

const LONG_CHARACTERS = 4_000;
const LONG_LINES = 60;

/** The text of a message, its forwarded message and its attachments. */
export const MessageBody = memo(function MessageBody({ message }: { readonly message: Message }) {
  const messages = useMessages();
  const [isWhole, setWhole] = useState(false);
  const isCut = !isWhole && isLong(message.text);
  return (
    <div className={styles.body} dir="auto">
      <div className={classes(isCut && styles.cut)}>
        <RichText text={message.text} spans={message.spans} isEdited={message.version > 0} />
      </div>
      {isCut ? (
        <Button look="plain" onPress={() => setWhole(true)}>
          {messages.timeline.whole}
        </Button>
      ) : null}
      {message.forwarded.map((one) => (
        <ForwardedCard key={one.messageId} forwarded={one} />
      ))}
      {message.attachments.map((one, index) => (
        <div key={index}>
          {safeAddress(one.url) === undefined ? (
            one.name
          ) : (
            <Outside address={one.url}>{one.name || one.url}</Outside>
          )}
        </div>
      ))}
    </div>
  );
});

/** A forwarded message with its sender, its time and, for a member, its conversation. */
function ForwardedCard({ forwarded }: { readonly forwarded: Forwarded }) {
  const { messages, format } = useLanguage();
  const { people, conversations } = useWorkspace();
  const from = conversations.get(forwarded.conversationId);
  const parts = [
    messages.timeline.forwarded(personName(forwarded.senderId, people, messages)),
    format.full(milliseconds(forwarded.sentAt)),
    ...(from === undefined ? [] : [nameOf(from, people, messages)]),
  ];
  return (
    <figure className={styles.card}>
      <figcaption className={styles.origin}>{parts.join(' · ')}</figcaption>
      <RichText text={forwarded.text} spans={forwarded.spans} />
      {forwarded.attachments.map((one, index) => (
        <div key={index}>{one.name || one.url}</div>
      ))}
    </figure>
  );
}

function isLong(text: string): boolean {
  return text.length > LONG_CHARACTERS || text.split('\n', LONG_LINES + 1).length > LONG_LINES;
}
