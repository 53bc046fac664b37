import { useEffect, useRef, useState, type KeyboardEvent } from 'react';

import { editable } from '@/actions/message';
import { Button } from '@/components/button';
import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { isEnter } from '@/kit/keys';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';

import styles from './editor.module.css';

/** Editor of a message, shown in place of it. */
export function Editor({ message }: { readonly message: Message }) {
  const messages = useMessages();
  const { messages: store, view } = useWorkspace();
  const [text, setText] = useState(() => editable(message));
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const element = input.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);
  const close = (): void => view.editing.set(undefined);

  async function save(): Promise<void> {
    const wanted = text.trim();
    if (wanted === '') return;
    if (wanted === editable(message) || (await store.edit(message, wanted))) close();
  }

  function onKeyDown(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === 'Escape' && !event.nativeEvent.isComposing) close();
    if (!isEnter(event.nativeEvent)) return;
    event.preventDefault();
    void save();
  }

  return (
    <div className={styles.editor}>
      <textarea
        ref={input}
        className={styles.input}
        aria-label={messages.editor.label}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className={styles.buttons}>
        <Button look="primary" isDisabled={text.trim() === ''} onPress={() => void save()}>
          {messages.editor.save}
        </Button>
        <Button onPress={close}>{messages.editor.cancel}</Button>
      </div>
    </div>
  );
}
