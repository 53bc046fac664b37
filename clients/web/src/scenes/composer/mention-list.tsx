import {
  useEffect,
  useImperativeHandle,
  useRef,
  useState,
  type KeyboardEvent,
  type Ref,
} from 'react';

import { Avatar } from '@/components/avatar';
import { Icon } from '@/components/icon';
import { isEnter } from '@/kit/keys';
import { useMessages } from '@/messages/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './mention-list.module.css';
import { useMentionChoices, type MentionChoice } from './use-mention-choices';

/** Handles a key press in the composer; returns whether the list has used it. */
export type KeyTaker = (event: KeyboardEvent) => boolean;

interface Props {
  readonly log: ConversationLog;
  readonly query: string;
  /** Id of the list, and prefix of the ids of its options. */
  readonly id: string;
  readonly keys: Ref<KeyTaker>;
  /** Called with the id of the option to announce; empty for none. */
  readonly onActive: (optionId: string) => void;
  readonly onChoose: (choice: MentionChoice) => void;
  readonly onClose: () => void;
}

/**
 * Completion of a mention: people, departments and all. The composer keeps the focus and forwards
 * key presses.
 */
export function MentionList({ log, query, id, keys, onActive, onChoose, onClose }: Props) {
  const messages = useMessages();
  const choices = useMentionChoices(log, query);
  const [chosen, setChosen] = useState({ query, at: 0 });
  const options = useRef<HTMLDivElement>(null);
  const at = chosen.query === query ? chosen.at : 0;
  const active = Math.min(at, choices.length - 1);
  const activeId = active < 0 ? '' : `${id}-${active}`;

  useEffect(() => {
    onActive(activeId);
    options.current?.children[active]?.scrollIntoView({ block: 'nearest' });
    return () => onActive('');
  }, [active, activeId, onActive]);

  useImperativeHandle(
    keys,
    () => (event: KeyboardEvent) => {
      const choice = choices[active];
      if (choice === undefined || event.nativeEvent.isComposing) return false;
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        const by = event.key === 'ArrowDown' ? 1 : -1;
        setChosen({ query, at: (active + by + choices.length) % choices.length });
        return true;
      }
      if (isEnter(event.nativeEvent) || (event.key === 'Tab' && !event.shiftKey)) {
        onChoose(choice);
        return true;
      }
      if (event.key !== 'Escape') return false;
      onClose();
      return true;
    },
    [choices, active, query, onChoose, onClose],
  );

  if (choices.length === 0) return null;
  return (
    <div
      ref={options}
      id={id}
      className={styles.list}
      role="listbox"
      aria-label={messages.composer.mentions}
    >
      {choices.map((choice, index) => (
        <div
          key={choice.key}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === active}
          className={styles.option}
          onPointerMove={() => setChosen({ query, at: index })}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(choice)}
        >
          {choice.of.kind === 'person' ? (
            <Avatar id={choice.of.id} name={choice.name} small />
          ) : (
            <Icon name="group" size={18} />
          )}
          <bdi className={styles.name}>{choice.name}</bdi>
          <span className={styles.note}>{choice.note}</span>
          {choice.isReached ? null : (
            <span className={styles.outside}>{messages.composer.outside}</span>
          )}
        </div>
      ))}
    </div>
  );
}
