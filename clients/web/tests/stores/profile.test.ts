import { create } from '@bufbuild/protobuf';
import { createRouterTransport } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';

import { createClients } from '@/api/clients';
import { DirectoryService } from '@/gen/plexus/directory/v1/directory_service_pb';
import { PersonSchema, type Person } from '@/gen/plexus/directory/v1/people_pb';
import { ProfileStore } from '@/stores/account/profile';
import { PeopleStore } from '@/stores/people';

/** Directory with one person, whose changes can be delayed. */
class Directory {
  readonly zones: string[] = [];
  #version = 1n;
  /** Promise that the next change awaits. */
  gate: Promise<void> = Promise.resolve();

  open(): { readonly store: ProfileStore; readonly people: PeopleStore } {
    const calls = createRouterTransport(({ service }) => {
      service(DirectoryService, {
        getPerson: () => ({ person: this.#person('Asia/Shanghai') }),
        updateProfile: async ({ timeZone = '' }) => {
          const gate = this.gate;
          this.gate = Promise.resolve();
          await gate;
          this.#version += 1n;
          this.zones.push(timeZone);
          return { person: this.#person(timeZone) };
        },
      });
    });
    const people = new PeopleStore(createClients(calls));
    return { store: new ProfileStore({ calls, people }), people };
  }

  #person(timeZone: string): Person {
    return create(PersonSchema, { id: 'per_1', timeZone, version: this.#version });
  }
}

describe('the profile', () => {
  it('is shown on cards too, after it was loaded and after it was changed', async () => {
    const { store, people } = new Directory().open();
    await store.load();
    expect(people.get('per_1')?.timeZone).toBe('Asia/Shanghai');
    await store.setTimeZone('Europe/Berlin');
    expect(people.get('per_1')?.timeZone).toBe('Europe/Berlin');
    expect(store.person.get()?.timeZone).toBe('Europe/Berlin');
  });

  it('keeps the last of two choices, also when the first one is slow', async () => {
    const directory = new Directory();
    const { store } = directory.open();
    let open: () => void = () => undefined;
    directory.gate = new Promise((resolve) => (open = resolve));
    const first = store.setTimeZone('Europe/Berlin');
    const second = store.setTimeZone('Asia/Tokyo');
    open();
    expect(await Promise.all([first, second])).toEqual([undefined, undefined]);
    expect(directory.zones).toEqual(['Europe/Berlin', 'Asia/Tokyo']);
    expect(store.person.get()?.timeZone).toBe('Asia/Tokyo');
  });
});
