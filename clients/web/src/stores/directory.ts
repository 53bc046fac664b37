import { createClient, type Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import { DirectoryService } from '@/gen/plexus/directory/v1/directory_service_pb';
import type { Department, Person } from '@/gen/plexus/directory/v1/people_pb';
import { Cell } from '@/kit/cell';
import type { Workspace } from '@/stores/client';

import type { PeopleStore } from './people';

const DEPARTMENTS = 1000;
const ALL = 1000;
const PAGE = 100;
const FOUND = 50;

/** The people of a department loaded so far. */
export interface Listed {
  readonly people: readonly Person[];
  readonly nextPageToken: string;
  readonly state: 'loading' | 'ready' | 'failed';
  readonly problem?: Problem;
}

export type LoadingAll = 'no' | 'loading' | 'ready' | 'failed';

const NOTHING: Listed = { people: [], nextPageToken: '', state: 'loading' };

/** The departments and the people of the company, loaded on demand. */
export class DirectoryStore {
  readonly departments = new Cell<readonly Department[]>([]);
  /** All people, once the complete list is loaded: search by pinyin needs it. */
  readonly everyone = new Cell<readonly Person[]>([]);
  readonly loadingAll = new Cell<LoadingAll>('no');
  readonly #client: Client<typeof DirectoryService>;
  readonly #people: PeopleStore;
  readonly #listed = new Map<string, Cell<Listed>>();

  constructor({ calls, people }: Pick<Workspace, 'calls' | 'people'>) {
    this.#client = createClient(DirectoryService, calls);
    this.#people = people;
  }

  async loadDepartments(): Promise<Problem | undefined> {
    try {
      const all: Department[] = [];
      let pageToken = '';
      do {
        const page = await this.#client.listDepartments({ pageSize: DEPARTMENTS, pageToken });
        all.push(...page.departments);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      this.departments.set(all);
      return undefined;
    } catch (error) {
      return problemOf(error);
    }
  }

  department(id: string): Department | undefined {
    return this.departments.get().find((department) => department.id === id);
  }

  /**
   * Return the people of a department and its descendants; of the whole company for an empty id.
   */
  listed(departmentId: string): Cell<Listed> {
    const known = this.#listed.get(departmentId);
    if (known !== undefined) return known;
    const cell = new Cell(NOTHING);
    this.#listed.set(departmentId, cell);
    return cell;
  }

  /** Load the first page again, or the next one. */
  async load(departmentId: string, more = false): Promise<void> {
    const cell = this.listed(departmentId);
    const { people, nextPageToken } = cell.get();
    const pageToken = more ? nextPageToken : '';
    if (more && pageToken === '') return;
    try {
      const page = await this.#client.listPeople({ departmentId, pageSize: PAGE, pageToken });
      this.#people.put(page.people);
      cell.set({
        people: more ? [...people, ...page.people] : page.people,
        nextPageToken: page.nextPageToken,
        state: 'ready',
      });
    } catch (error) {
      cell.set({ people, nextPageToken, state: 'failed', problem: problemOf(error) });
    }
  }

  /** Load all people, once. */
  async loadAll(): Promise<void> {
    const state = this.loadingAll.get();
    if (state === 'loading' || state === 'ready') return;
    this.loadingAll.set('loading');
    try {
      const all: Person[] = [];
      let pageToken = '';
      do {
        const page = await this.#client.listPeople({ pageSize: ALL, pageToken });
        all.push(...page.people);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      this.#people.put(all);
      this.everyone.set(all);
      this.loadingAll.set('ready');
    } catch {
      // The server can still search people by name and account.
      this.loadingAll.set('failed');
    }
  }

  /** Search people by a part of their name or account, on the server. */
  async find(query: string, signal: AbortSignal): Promise<readonly Person[]> {
    const { people } = await this.#client.listPeople({ query, pageSize: FOUND }, { signal });
    this.#people.put(people);
    return people;
  }
}
