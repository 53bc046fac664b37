import type { Clients } from '@/api/clients';
import type { Person } from '@/gen/plexus/directory/v1/people_pb';
import { Cell } from '@/kit/cell';
import { plainName } from '@/kit/text';

const BATCH = 500;
const TOGETHER_MS = 10;

/** People by id, fetched in batches when they are first shown. */
export class PeopleStore {
  /** Incremented when more people become known. */
  readonly version = new Cell(0);
  readonly #known = new Map<string, Person>();
  readonly #wanted = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly clients: Clients) {}

  get all(): readonly Person[] {
    return [...this.#known.values()];
  }

  /** Return a known person; fetch an unknown one. */
  get(id: string): Person | undefined {
    const known = this.#known.get(id);
    if (known === undefined && id !== '') this.want([id]);
    return known;
  }

  /** Return the name of a person; empty while it is fetched. */
  name(id: string): string {
    const person = this.get(id);
    return person === undefined ? '' : plainName(person.displayName);
  }

  /** Store people from the response of another call. */
  put(people: readonly Person[]): void {
    let isNews = false;
    for (const person of people) {
      if ((this.#known.get(person.id)?.version ?? -1n) >= person.version) continue;
      this.#known.set(person.id, person);
      isNews = true;
    }
    if (isNews) this.version.update((version) => version + 1);
  }

  want(ids: readonly string[]): void {
    for (const id of ids) if (!this.#known.has(id)) this.#wanted.add(id);
    if (this.#wanted.size > 0) this.#timer ??= setTimeout(() => void this.#fetch(), TOGETHER_MS);
  }

  async #fetch(): Promise<void> {
    this.#timer = undefined;
    const ids = [...this.#wanted].slice(0, BATCH);
    for (const id of ids) this.#wanted.delete(id);
    try {
      const { people } = await this.clients.directory.batchGetPeople({ personIds: ids });
      for (const person of people) this.#known.set(person.id, person);
      this.version.update((version) => version + 1);
    } catch {
      // They are requested again when they are next shown.
      return;
    } finally {
      if (this.#wanted.size > 0) this.want([]);
    }
  }
}
