import { Fragment, memo, useMemo, type JSX, type ReactNode } from 'react';

import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { classes } from '@/kit/classes';
import { blocksOf, type Block, type Inline, type Mentioned, type Style } from '@/kit/rich-text';
import { useMessages } from '@/messages/context';
import { personName } from '@/scenes/conversations/naming';
import { PersonButton } from '@/scenes/people/person-button';
import { useWorkspace } from '@/stores/context';

import styles from './body.module.css';

/** The words of a message, and what was forwarded or attached. */
export const MessageBody = memo(function MessageBody({ message }: { readonly message: Message }) {
  const messages = useMessages();
  const { people } = useWorkspace();
  return (
    <div className={styles.body} dir="auto">
      <RichText text={message.text} spans={message.spans} isEdited={message.version > 0} />
      {message.forwarded.map((one) => (
        <figure key={one.messageId} className={styles.card}>
          <figcaption className={styles.note}>
            {messages.timeline.forwarded(personName(one.senderId, people, messages))}
          </figcaption>
          <RichText text={one.text} spans={one.spans} />
        </figure>
      ))}
      {message.attachments.map((one) => (
        <div key={one.url}>
          {/^https?:/iu.test(one.url) ? (
            <Outside address={one.url}>{one.name || one.url}</Outside>
          ) : (
            one.name
          )}
        </div>
      ))}
    </div>
  );
});

interface RichTextProps extends Pick<Message, 'text' | 'spans'> {
  readonly isEdited?: boolean;
}

function RichText({ text, spans, isEdited = false }: RichTextProps) {
  const messages = useMessages();
  const blocks = useMemo(() => blocksOf(text, spans), [text, spans]);
  const mark = isEdited ? <span className={styles.note}>({messages.timeline.edited})</span> : null;
  const isParagraphLast = blocks.at(-1)?.kind === 'paragraph';
  return (
    <>
      {blocks.map((block, index) => (
        <OneBlock key={index} block={block}>
          {isParagraphLast && index === blocks.length - 1 ? mark : null}
        </OneBlock>
      ))}
      {isParagraphLast ? null : mark}
    </>
  );
}

function OneBlock({ block, children }: { readonly block: Block; readonly children: ReactNode }) {
  const messages = useMessages();
  if (block.kind === 'code') {
    return (
      <pre tabIndex={0} role="group" aria-label={messages.timeline.code}>
        {block.text}
      </pre>
    );
  }
  const parts = <Parts parts={block.parts} />;
  if (block.kind === 'quote') return <blockquote>{parts}</blockquote>;
  return (
    <div>
      {parts}
      {children}
    </div>
  );
}

function Parts({ parts }: { readonly parts: readonly Inline[] }) {
  return parts.map((part, index) => <Fragment key={index}>{inline(part)}</Fragment>);
}

function inline(part: Inline) {
  switch (part.kind) {
    case 'text':
      return part.styles.reduceRight(wrapped, <>{part.text}</>);
    case 'mention':
      return <MentionOf of={part.of} text={part.text} />;
    case 'link':
      return (
        <Outside address={part.address}>
          <Parts parts={part.parts} />
        </Outside>
      );
  }
}

function wrapped(inside: JSX.Element, style: Style): JSX.Element {
  switch (style) {
    case 'bold':
      return <strong>{inside}</strong>;
    case 'italic':
      return <em>{inside}</em>;
    case 'strike':
      return <s>{inside}</s>;
    case 'code':
      return <code>{inside}</code>;
  }
}

/** A mention with the name of now; the text that was stored may be older. */
function MentionOf({ of, text }: { readonly of: Mentioned; readonly text: string }) {
  const messages = useMessages();
  const { people, personId } = useWorkspace();
  const isMe = of.kind === 'all' || (of.kind === 'person' && of.id === personId);
  const name =
    of.kind === 'person'
      ? people.name(of.id) || text
      : of.kind === 'all'
        ? messages.timeline.all
        : text;
  const words = <bdi>{name.startsWith('@') ? name : `@${name}`}</bdi>;
  return (
    <span className={classes(styles.mention, isMe && styles.me)}>
      {of.kind === 'person' ? <PersonButton id={of.id}>{words}</PersonButton> : words}
    </span>
  );
}

function Outside({
  address,
  children,
}: {
  readonly address: string;
  readonly children: ReactNode;
}) {
  return (
    <a href={address} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}
