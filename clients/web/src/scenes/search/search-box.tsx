import { useEffect, useRef, useState } from 'react';

import { IconButton } from '@/components/button';
import { Icon } from '@/components/icon';
import { isEnter } from '@/kit/keys';
import { useTexts } from '@/messages/subjects';

import styles from './search.module.css';

const PAUSE_MS = 250;

interface Props {
  readonly query: string;
  readonly onQuery: (query: string) => void;
}

/** The search input; searches after a pause, and at once on Enter. */
export function SearchBox({ query, onQuery }: Props) {
  const texts = useTexts('search');
  const [typed, setTyped] = useState(query);
  const [known, setKnown] = useState(query);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const isComposing = useRef(false);

  // The address has changed in another way: by the palette, or back and forward.
  if (query !== known) {
    setKnown(query);
    if (query !== typed.trim()) setTyped(query);
  }
  useEffect(() => () => clearTimeout(timer.current), []);

  function ask(text: string, pause: number): void {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onQuery(text.trim()), pause);
  }

  return (
    <div className={styles.box} role="search">
      <Icon name="search" size={18} />
      <input
        ref={input}
        className={styles.input}
        type="text"
        enterKeyHint="search"
        aria-label={texts.label}
        placeholder={texts.placeholder}
        value={typed}
        maxLength={1000}
        autoFocus={query === ''}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.target.value);
          if (!isComposing.current) ask(event.target.value, PAUSE_MS);
        }}
        onCompositionStart={() => {
          isComposing.current = true;
        }}
        onCompositionEnd={(event) => {
          isComposing.current = false;
          ask(event.currentTarget.value, PAUSE_MS);
        }}
        onKeyDown={(event) => {
          if (isEnter(event.nativeEvent)) ask(typed, 0);
        }}
      />
      {typed === '' ? null : (
        <IconButton
          icon="close"
          label={texts.clear}
          small
          onPress={() => {
            setTyped('');
            ask('', 0);
            input.current?.focus();
          }}
        />
      )}
    </div>
  );
}
