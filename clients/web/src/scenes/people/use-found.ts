import { useDeferredValue, useEffect, useMemo, useState } from 'react';

import type { Person } from '@/gen/plexus/directory/v1/people_pb';
import { Person_State as State } from '@/gen/plexus/directory/v1/people_pb';
import { useCell } from '@/kit/cell';
import { byCharacters } from '@/kit/pinyin';
import { plainName } from '@/kit/text';
import { useWorkspace } from '@/stores/context';
import { DirectoryStore } from '@/stores/directory';
import { storeOf } from '@/stores/lazy';

import { useMatcher } from './use-matcher';

const MAX_SHOWN = 50;
const TYPING_MS = 150;

/**
 * Return the people that match a query by name, account, pinyin or initials.
 *
 * The server searches names and accounts; pinyin needs all names, which are downloaded while the
 * user types.
 *
 * Args:
 *   query: as typed; white space matches no one.
 *   candidates: ids of the people to search; undefined for the whole company.
 */
export function useFound(query: string, candidates?: readonly string[]): readonly Person[] {
  const { people } = useWorkspace();
  const directory = storeOf(useWorkspace(), DirectoryStore);
  const everyone = useCell(directory.everyone);
  const version = useCell(people.version);
  const matcher = useMatcher() ?? byCharacters;
  const wanted = useDeferredValue(query.trim());
  const [atServer, setAtServer] = useState<readonly Person[]>([]);
  const isAsked = wanted !== '' && candidates === undefined;

  useEffect(() => {
    if (!isAsked) return undefined;
    void directory.loadAll();
    const asking = new AbortController();
    const timer = setTimeout(() => {
      directory.find(wanted, asking.signal).then(
        (found) => setAtServer(found),
        // Loaded people are searched in any case.
        () => undefined,
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [directory, isAsked, wanted]);

  return useMemo(() => {
    if (wanted === '') return [];
    const pool =
      candidates === undefined
        ? everyone
        : candidates.map((id) => people.get(id)).filter((person) => person !== undefined);
    const found = new Map<string, Person>();
    for (const person of isAsked ? [...atServer, ...pool] : pool) {
      if (found.size === MAX_SHOWN) break;
      if (person.state !== State.DEACTIVATED && isNamed(person, wanted, matcher))
        found.set(person.id, person);
    }
    return [...found.values()];
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the version stands for who is known
  }, [wanted, candidates, everyone, isAsked, atServer, matcher, people, version]);
}

function isNamed(
  person: Person,
  query: string,
  matcher: (text: string, query: string) => boolean,
): boolean {
  return (
    person.handle.toLowerCase().includes(query.toLowerCase()) ||
    matcher(plainName(person.displayName), query)
  );
}
