import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';

import { Avatar } from '@/components/avatar';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { useTexts } from '@/messages/subjects';
import type { Person } from '@/gen/plexus/directory/v1/people_pb';
import { useWorkspace } from '@/stores/context';
import { DirectoryStore } from '@/stores/directory';
import { storeOf } from '@/stores/lazy';

import { Marks } from './marks';
import styles from './people.module.css';
import { PresenceLabel } from './presence-label';
import { usePresence } from './use-presence';

const ROW_PX = 60;

interface Props {
  readonly people: readonly Person[];
  /** Id of the person labelled as leader; empty for none. */
  readonly leaderId: string;
  /** Called when more people may be loaded. */
  readonly onEnd?: () => void;
}

/** A list of people; a press opens a card. */
export function PeopleList({ people, leaderId, onEnd }: Props) {
  const texts = useTexts('people');
  const { view } = useWorkspace();
  const directory = storeOf(useWorkspace(), DirectoryStore);
  useCell(directory.departments);
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are called while rendering only
  const virtual = useVirtualizer({
    count: people.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => people[index]?.id ?? index,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const presence = usePresence(items.map(({ index }) => people[index]?.id ?? ''));
  const isAtEnd = (items.at(-1)?.index ?? -1) >= people.length - 1;
  useEffect(() => {
    if (isAtEnd) onEnd?.();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once per end that is reached
  }, [isAtEnd, people.length]);
  return (
    <div ref={scroller} className={styles.list}>
      <ul
        className={styles.rows}
        aria-label={texts.list}
        style={{ height: virtual.getTotalSize() }}
      >
        {items.map(({ key, index, start }) => {
          const person = people[index];
          if (person === undefined) return null;
          const department = directory.department(person.departmentIds[0] ?? '');
          const note = [person.title, department?.name ?? ''].map(plainName);
          return (
            <li key={key} className={styles.slot} style={{ transform: `translateY(${start}px)` }}>
              <button
                type="button"
                className={styles.person}
                aria-haspopup="dialog"
                onClick={() => view.card.set(person.id)}
              >
                <Avatar id={person.id} name={person.displayName} />
                <span className={styles.words}>
                  <span className={styles.line}>
                    <bdi className={styles.name}>{plainName(person.displayName)}</bdi>
                    <span className={styles.note}>{person.handle}</span>
                    {person.id === leaderId ? (
                      <span className={styles.leader}>{texts.leader}</span>
                    ) : null}
                    <Marks person={person} />
                  </span>
                  <span className={styles.more}>
                    {note.filter((one) => one !== '').join(' · ')}
                  </span>
                </span>
                <PresenceLabel presence={presence.get(person.id)} />
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
