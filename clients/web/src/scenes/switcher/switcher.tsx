import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from 'react';

import type { AppContext } from '@/actions/app';
import { Avatar } from '@/components/avatar';
import { Badge } from '@/components/badge';
import { Dialog } from '@/components/dialog';
import { Icon } from '@/components/icon';
import { useCell } from '@/kit/cell';
import { byCharacters, loadMatcher, type Matcher } from '@/kit/pinyin';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';

import { choicesFor, type Choice } from './choices';
import styles from './switcher.module.css';

/** Finds a conversation or a command by a few letters. */
export function Switcher({ context }: { readonly context: AppContext }) {
  const messages = useMessages();
  const { view } = useWorkspace();
  const isOpen = useCell(view.switcher);
  const close = (): void => view.switcher.set(false);
  return (
    <Dialog label={messages.switcher.title} isOpen={isOpen} onClose={close}>
      <Finder context={context} onDone={close} />
    </Dialog>
  );
}

function Finder({
  context,
  onDone,
}: {
  readonly context: AppContext;
  readonly onDone: () => void;
}) {
  const messages = useMessages();
  const { people, conversations } = useWorkspace();
  const id = useId();
  const [query, setQuery] = useState('');
  const [chosen, setChosen] = useState(0);
  const [matcher, setMatcher] = useState<Matcher>(() => byCharacters);
  const list = useCell(conversations.list);
  const known = useCell(people.version);
  const options = useRef<HTMLDivElement>(null);

  useEffect(() => {
    // Without the dictionary, names are still matched by characters.
    loadMatcher().then(
      (loaded) => setMatcher(() => loaded),
      () => undefined,
    );
  }, []);

  const choices = useMemo(
    () => choicesFor(query, { context, messages, matcher, list, known }),
    [query, context, messages, matcher, list, known],
  );
  const active = Math.min(chosen, choices.length - 1);

  useEffect(() => {
    options.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const by = event.key === 'ArrowDown' ? 1 : -1;
      setChosen((active + by + choices.length) % Math.max(1, choices.length));
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      choose(choices[active]);
    }
  }

  function choose(choice: Choice | undefined): void {
    if (choice === undefined) return;
    onDone();
    choice.run();
  }

  return (
    <>
      <input
        className={styles.input}
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={choices.length > 0 ? `${id}-${active}` : undefined}
        aria-autocomplete="list"
        aria-label={messages.switcher.placeholder}
        placeholder={messages.switcher.placeholder}
        value={query}
        autoFocus
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setQuery(event.target.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      {choices.length === 0 ? <p className={styles.none}>{messages.switcher.none}</p> : null}
      <div
        ref={options}
        id={`${id}-list`}
        role="listbox"
        aria-label={messages.switcher.results}
        className={styles.list}
      >
        {choices.map((choice, index) => (
          <div
            key={choice.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            className={styles.option}
            onPointerMove={() => setChosen(index)}
            onClick={() => choose(choice)}
          >
            {choice.avatar === undefined ? (
              <Icon name={choice.icon ?? 'settings'} size={18} />
            ) : (
              <Avatar {...choice.avatar} small />
            )}
            <bdi className={styles.label}>{choice.label}</bdi>
            <span className={styles.note}>{choice.note}</span>
            {choice.unread > 0 ? (
              <Badge
                count={choice.unread}
                label={messages.conversations.unread(choice.unread)}
                quiet
              />
            ) : null}
          </div>
        ))}
      </div>
    </>
  );
}
