import { lazy, Suspense, useCallback, useEffect, useId, useRef, useState } from 'react';
import type { KeyboardEvent } from 'react';

import { Notify } from '@/gen/plexus/messaging/v1/messages_pb';
import { useCell } from '@/kit/cell';
import { isEnter } from '@/kit/keys';
import { withTokens } from '@/kit/mentions';
import { useMessages } from '@/messages/context';
import { nameOf } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import { ComposerBar } from './composer-bar';
import styles from './composer.module.css';
import { lastOwn } from './last-own';
import type { KeyTaker } from './mention-list';
import { PastedBar } from './pasted-bar';
import { Quoting } from './quoting';
import { usePasting } from './use-pasting';
import { useWriting } from './use-writing';

const MentionList = lazy(async () => ({ default: (await import('./mention-list')).MentionList }));
const OffHours = lazy(async () => ({ default: (await import('./off-hours')).OffHours }));
const Preview = lazy(async () => ({ default: (await import('./preview')).Preview }));

const MAX_TEXT_BYTES = 150 * 1024;

interface Props {
  readonly log: ConversationLog;
  /** First message of the thread; 0 for the conversation itself. */
  readonly root: number;
}

/** The input for messages with its formatting and completion. */
export function Composer({ log, root }: Props) {
  const messages = useMessages();
  const { drafts, people, view } = useWorkspace();
  useCell(log.version);
  useCell(people.version);
  const quoting = useCell(view.quoting);
  const isPreviewing = useCell(view.previewing);
  const listId = useId();
  const keys = useRef<KeyTaker>(null);
  const [activeId, setActiveId] = useState('');
  const writing = useWriting(log, root);
  const { pasted, onPaste } = usePasting(writing);
  const quoteSeq = root === 0 && quoting?.conversationId === log.id ? quoting.seq : 0;
  const { isTooLong, send } = useSending(log, root, quoteSeq, writing);
  const { input, asked, mention, stopAsking } = writing;

  useEffect(() => {
    view.line.set({ conversationId: log.id, root });
    if (matchMedia('(pointer: fine)').matches) input.current?.focus();
  }, [view, input, log, root, quoteSeq]);

  if (log.conversation.archived)
    return <p className={styles.closed}>{messages.composer.archived}</p>;

  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>): void {
    if (asked !== undefined && keys.current?.(event) === true) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (isEnter(event.nativeEvent)) {
      event.preventDefault();
      send(Notify.UNSPECIFIED);
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
  const isWritten = writing.text.trim() !== '';
  const mentions = drafts.mentions(log.id, root);
  return (
    <div
      className={styles.composer}
      onFocus={() => view.line.set({ conversationId: log.id, root })}
    >
      {asked === undefined ? null : (
        <Suspense>
          <MentionList
            log={log}
            query={asked.query}
            id={listId}
            keys={keys}
            onActive={setActiveId}
            onChoose={({ of, name: shown }) => mention(of, shown)}
            onClose={stopAsking}
          />
        </Suspense>
      )}
      <div className={styles.box}>
        {quoteSeq > 0 ? <Quoting log={log} seq={quoteSeq} /> : null}
        <Suspense>
          {isPreviewing && isWritten ? (
            <Preview markdown={withTokens(writing.text, mentions)} />
          ) : null}
        </Suspense>
        <textarea
          ref={input}
          className={styles.input}
          rows={1}
          aria-label={label}
          aria-autocomplete="list"
          aria-controls={activeId === '' ? undefined : listId}
          aria-activedescendant={activeId === '' ? undefined : activeId}
          placeholder={label}
          defaultValue={writing.text}
          onChange={writing.onChange}
          onPaste={onPaste}
          onSelect={writing.onCaret}
          onBlur={writing.onBlur}
          onCompositionStart={() => writing.onComposing(true)}
          onCompositionEnd={() => writing.onComposing(false)}
          onKeyDown={onKeyDown}
        />
        {isTooLong ? (
          <p className={styles.problem} role="alert">
            {messages.composer.tooLong}
          </p>
        ) : null}
        {pasted === undefined ? null : <PastedBar pasted={pasted} />}
        <Suspense>
          {isWritten ? <OffHours conversationId={log.id} mentions={mentions} /> : null}
        </Suspense>
        <ComposerBar log={log} isWritten={isWritten} onSend={() => send(Notify.UNSPECIFIED)} />
      </div>
    </div>
  );
}

interface Sending {
  readonly isTooLong: boolean;
  readonly send: (notify: Notify) => void;
}

/** Send the text on request of the composer or of an action. */
function useSending(
  log: ConversationLog,
  root: number,
  quoteSeq: number,
  writing: ReturnType<typeof useWriting>,
): Sending {
  const { outbox, view } = useWorkspace();
  const [isTooLong, setTooLong] = useState(false);
  const { taken, clear } = writing;
  const send = useCallback(
    (notify: Notify): void => {
      const { text, mentions } = taken();
      if (text === '') return;
      const markdown = withTokens(text, mentions);
      const isLong = new TextEncoder().encode(markdown).length > MAX_TEXT_BYTES;
      setTooLong(isLong);
      if (isLong) return;
      outbox.send({ conversationId: log.id, text, markdown, replyToSeq: root, quoteSeq, notify });
      clear();
      view.quoting.set(undefined);
    },
    [outbox, view, log, root, quoteSeq, taken, clear],
  );
  useEffect(
    () =>
      view.sendSilently.on((line) => {
        if (line.conversationId === log.id && line.root === root) send(Notify.NONE);
      }),
    [view, log, root, send],
  );
  return { isTooLong, send };
}
