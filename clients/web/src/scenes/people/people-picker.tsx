import { useId, useState, type KeyboardEvent } from 'react';

import { Avatar } from '@/components/avatar';
import { Icon } from '@/components/icon';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';

import styles from './people-picker.module.css';
import { useFound } from './use-found';

interface Props {
  readonly label: string;
  readonly chosen: readonly string[];
  /** Ids of the selectable people; default: the whole company. */
  readonly candidates?: readonly string[];
  readonly onChange: (ids: readonly string[]) => void;
}

/** Picker of people: the selected ones are shown before the search input. */
export function PeoplePicker({ label, chosen, candidates, onChange }: Props) {
  const texts = useTexts('people');
  const messages = useMessages();
  const { people } = useWorkspace();
  useCell(people.version);
  const id = useId();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const found = useFound(query, candidates).filter((person) => !chosen.includes(person.id));
  const isOpen = query.trim() !== '';
  const active = Math.min(at, found.length - 1);

  function add(personId: string | undefined): void {
    if (personId === undefined) return;
    onChange([...chosen, personId]);
    setQuery('');
    setAt(0);
  }

  function onKeyDown(event: KeyboardEvent<HTMLInputElement>): void {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Backspace' && query === '' && chosen.length > 0)
      onChange(chosen.slice(0, -1));
    if (!isOpen) return;
    if (event.key === 'Escape') {
      event.stopPropagation();
      setQuery('');
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      add(found[active]?.id);
    }
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const by = event.key === 'ArrowDown' ? 1 : -1;
      setAt((active + by + found.length) % Math.max(1, found.length));
    }
  }

  return (
    <div className={styles.picker}>
      <label className={styles.label} htmlFor={id}>
        {label}
      </label>
      <div className={styles.box}>
        {chosen.map((personId) => {
          const name = personName(personId, people, messages);
          return (
            <span key={personId} className={styles.chip}>
              <Avatar id={personId} name={name} small />
              <bdi>{name}</bdi>
              <button
                type="button"
                className={styles.remove}
                aria-label={texts.picker.remove(name)}
                onClick={() => onChange(chosen.filter((one) => one !== personId))}
              >
                <Icon name="close" size={13} />
              </button>
            </span>
          );
        })}
        <input
          id={id}
          className={styles.input}
          role="combobox"
          aria-expanded={isOpen}
          aria-controls={`${id}-list`}
          aria-activedescendant={isOpen && found.length > 0 ? `${id}-${active}` : undefined}
          aria-autocomplete="list"
          placeholder={texts.picker.placeholder}
          value={query}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setQuery(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div
        id={`${id}-list`}
        role="listbox"
        aria-label={texts.picker.results}
        className={styles.list}
        hidden={!isOpen || found.length === 0}
      >
        {found.map((person, index) => (
          <div
            key={person.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            className={styles.option}
            onPointerMove={() => setAt(index)}
            onClick={() => add(person.id)}
          >
            <Avatar id={person.id} name={person.displayName} small />
            <bdi>{plainName(person.displayName)}</bdi>
            <span className={styles.note}>{[person.handle, person.title].join(' · ')}</span>
          </div>
        ))}
      </div>
      {isOpen && found.length === 0 ? (
        <p className={styles.note} role="status">
          {texts.picker.none}
        </p>
      ) : null}
    </div>
  );
}
