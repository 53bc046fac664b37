import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { createClient, type Client } from '@connectrpc/connect';

import { answerOf } from '@/api/answers';
import type { Problem } from '@/api/problems';
import {
  DirectoryService,
  type UpdateProfileRequestSchema,
} from '@/gen/plexus/directory/v1/directory_service_pb';
import { WorkingHoursSchema, type Person } from '@/gen/plexus/directory/v1/people_pb';
import { Cell } from '@/kit/cell';
import { randomId } from '@/kit/ids';
import type { Hours } from '@/kit/working-hours';

import type { Workspace } from '../client';

type Change = Omit<MessageInitShape<typeof UpdateProfileRequestSchema>, 'requestId' | '$typeName'>;

/** The user's profile in directory, and changes to the part that the user owns. */
export class ProfileStore {
  readonly person = new Cell<Person | undefined>(undefined);
  readonly problem = new Cell<Problem | undefined>(undefined);
  readonly #client: Client<typeof DirectoryService>;
  readonly #people: Workspace['people'];
  #loading: Promise<void> | undefined;
  // Never rejects: a refusal is a result.
  #updating: Promise<unknown> = Promise.resolve();

  constructor({ calls, people }: Pick<Workspace, 'calls' | 'people'>) {
    this.#client = createClient(DirectoryService, calls);
    this.#people = people;
  }

  /** Fetch the profile unless it is loaded. */
  async load(): Promise<void> {
    if (this.person.get() !== undefined) return;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  async setTimeZone(timeZone: string): Promise<Problem | undefined> {
    return this.#update({ timeZone });
  }

  async setLocale(locale: string): Promise<Problem | undefined> {
    return this.#update({ locale });
  }

  async setSkills(skills: readonly string[]): Promise<Problem | undefined> {
    return this.#update({ skills: [...skills], setSkills: true });
  }

  async setHours({ weekdays, windows }: Hours): Promise<Problem | undefined> {
    const workingHours = create(WorkingHoursSchema, {
      weekdays: [...weekdays],
      windows: windows.map((window) => ({ ...window })),
    });
    return this.#update({ workingHours });
  }

  async #load(): Promise<void> {
    const { value, problem } = await answerOf(() =>
      this.#client.getPerson({ by: { case: 'me', value: true } }),
    );
    this.problem.set(problem);
    if (value?.person !== undefined) this.#take(value.person);
  }

  /** Send a change after the previous ones, so that the last choice wins. */
  #update(change: Change): Promise<Problem | undefined> {
    const sent = this.#updating.then(() => this.#send(change));
    this.#updating = sent;
    return sent;
  }

  async #send(change: Change): Promise<Problem | undefined> {
    const { value, problem } = await answerOf(() =>
      this.#client.updateProfile({ ...change, requestId: randomId() }),
    );
    if (value?.person !== undefined) this.#take(value.person);
    return problem;
  }

  /** Apply the profile here and wherever the person's card and name are shown. */
  #take(person: Person): void {
    this.person.set(person);
    this.#people.put([person]);
  }
}
