import { useEffect, useRef, useState, type KeyboardEvent } from 'react';

import { IconButton } from '@/components/button';
import { useCell } from '@/kit/cell';
import { isEnter } from '@/kit/keys';
import { useMessages } from '@/messages/context';
import { nameOf } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './composer.module.css';
import { Quoting } from './quoting';
import { lastOwn } from './last-own';

const MAX_TEXT_BYTES = 150 * 1024;

interface Props {
  readonly log: ConversationLog;
  /** First message of the thread that is written in; 0 for the conversation itself. */
  readonly root: number;
}

/** The line that messages are written in. */
export function Composer({ log, root }: Props) {
  const messages = useMessages();
  const { drafts, outbox, people, view } = useWorkspace();
  useCell(log.version);
  useCell(people.version);
  const draftVersion = useCell(drafts.version);
  const quoting = useCell(view.quoting);
  const input = useRef<HTMLTextAreaElement>(null);
  const isComposing = useRef(false);
  const [isTooLong, setTooLong] = useState(false);
  // The element keeps what is being written: a composition must not be disturbed by rendering.
  const text = drafts.text(log.id, root);
  const quoteSeq = root === 0 && quoting?.conversationId === log.id ? quoting.seq : 0;

  useEffect(() => {
    const element = input.current;
    if (element !== null && element.value !== drafts.text(log.id, root) && !isComposing.current) {
      element.value = drafts.text(log.id, root);
    }
  }, [draftVersion, drafts, log, root]);

  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) input.current?.focus();
  }, [log, root, quoteSeq]);

  if (log.conversation.archived)
    return <p className={styles.closed}>{messages.composer.archived}</p>;

  function send(): void {
    const words = input.current?.value.trim() ?? '';
    if (words === '') return;
    const isLong = new TextEncoder().encode(words).length > MAX_TEXT_BYTES;
    setTooLong(isLong);
    if (isLong) return;
    outbox.send({ conversationId: log.id, text: words, replyToSeq: root, quoteSeq });
    if (input.current !== null) input.current.value = '';
    drafts.write(log.id, root, '');
    view.quoting.set(undefined);
  }

  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>): void {
    if (isEnter(event.nativeEvent)) {
      event.preventDefault();
      send();
    }
    if (event.key === 'Escape' && quoteSeq > 0) view.quoting.set(undefined);
    if (event.key === 'ArrowUp' && event.currentTarget.value === '') {
      const seq = lastOwn(log, root);
      if (seq === 0) return;
      event.preventDefault();
      view.editing.set({ conversationId: log.id, seq });
    }
  }

  const name = nameOf(log, people, messages);
  const label = root === 0 ? messages.composer.placeholder(name) : messages.thread.reply;
  return (
    <div className={styles.composer}>
      <div className={styles.box}>
        {quoteSeq > 0 ? <Quoting log={log} seq={quoteSeq} /> : null}
        <textarea
          ref={input}
          className={styles.input}
          rows={1}
          aria-label={label}
          placeholder={label}
          defaultValue={text}
          onChange={(event) => drafts.write(log.id, root, event.target.value)}
          onCompositionStart={() => {
            isComposing.current = true;
          }}
          onCompositionEnd={() => {
            isComposing.current = false;
          }}
          onKeyDown={onKeyDown}
        />
        {isTooLong ? (
          <p className={styles.problem} role="alert">
            {messages.composer.tooLong}
          </p>
        ) : null}
        <div className={styles.bar}>
          <span className={styles.hint}>{messages.composer.hint}</span>
          <IconButton
            icon="send"
            label={messages.composer.send}
            isDisabled={text.trim() === ''}
            onPress={send}
          />
        </div>
      </div>
    </div>
  );
}
