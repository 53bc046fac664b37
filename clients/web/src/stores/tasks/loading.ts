import type { Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import type { Project, Task, TaskChange } from '@/gen/plexus/tasks/v1/tasks_pb';
import type { TasksService } from '@/gen/plexus/tasks/v1/tasks_service_pb';
import { Cell } from '@/kit/cell';
import { Queue } from '@/kit/queue';
import { backoff, milliseconds, sleep } from '@/kit/time';

import { lastChangedFirst, type HeldTasks, type TaskFilter } from './held';

const WIDTH = 4;
const MAX_ATTEMPTS = 5;
const PROJECTS = 200;
const LIST = 100;
const HISTORY = 200;
/** The key that users see; requests identify a task by its id, and only `getTask` accepts a key. */
const KEY = /^t-[1-9]\d*$/i;

export interface Loaded {
  readonly state: 'loading' | 'ready' | 'failed';
  readonly problem?: Problem;
}

/** State of a list besides its tasks: the start of the next page. */
interface Pages {
  nextPageToken: string;
  /** Time of the oldest listed change in milliseconds; older ones may be missing. */
  horizon: number;
}

const LOADING: Loaded = { state: 'loading' };

/** Loads projects, boards, lists and histories; concurrent requests of one key are merged. */
export class TaskLoading {
  readonly projects = new Cell<readonly Project[]>([]);
  readonly #states = new Map<string, Cell<Loaded>>();
  readonly #pages = new Map<string, Pages>();
  readonly #lanes = new Map<string, string>();
  readonly #histories = new Map<string, Cell<readonly TaskChange[]>>();
  readonly #queue = new Queue(WIDTH);

  constructor(
    private readonly client: Client<typeof TasksService>,
    private readonly held: HeldTasks,
  ) {}

  /** Return the loading state of a key. */
  state(key: string): Cell<Loaded> {
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const cell = new Cell<Loaded>(LOADING);
    this.#states.set(key, cell);
    return cell;
  }

  loadProjects(): void {
    this.#run('projects', async () => {
      const all: Project[] = [];
      let pageToken = '';
      do {
        const page = await this.client.listProjects({ pageSize: PROJECTS, pageToken });
        all.push(...page.projects);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      this.projects.set(all);
    });
  }

  putProject(project: Project): void {
    this.projects.update((all) => [project, ...all.filter(({ id }) => id !== project.id)]);
  }

  project(id: string): Project | undefined {
    return this.projects.get().find((project) => project.id === id);
  }

  /** Load the first page of every column. */
  loadBoard(projectId: string): void {
    this.#run(`board:${projectId}`, async () => {
      const { project, lanes } = await this.client.getBoard({ projectId });
      if (project !== undefined) this.#replaceProject(project);
      for (const { column, nextPageToken } of lanes)
        this.#lanes.set(`${projectId}:${column?.id ?? ''}`, nextPageToken);
      this.held.merge(
        lanes.flatMap(({ tasks }) => tasks),
        false,
      );
    });
  }

  /** Return whether a column has cards that are not loaded yet. */
  hasMore(projectId: string, columnId: string): boolean {
    return (this.#lanes.get(`${projectId}:${columnId}`) ?? '') !== '';
  }

  loadLane(projectId: string, columnId: string): void {
    const key = `${projectId}:${columnId}`;
    const pageToken = this.#lanes.get(key) ?? '';
    if (pageToken === '') return;
    this.#run(`lane:${key}`, async () => {
      const { lanes } = await this.client.getBoard({ projectId, columnId, pageToken });
      this.#lanes.set(key, lanes[0]?.nextPageToken ?? '');
      this.held.merge(lanes[0]?.tasks ?? [], false);
    });
  }

  /** Load a list, or its next page. */
  loadList(filter: TaskFilter, more = false): void {
    const key = listKey(filter);
    const known = this.#pages.get(key);
    if (known !== undefined && (!more || known.nextPageToken === '')) return;
    this.#run(key, async () => {
      const { tasks, nextPageToken } = await this.client.listTasks({
        projectId: filter.projectId,
        assigneeId: filter.assigneeId,
        states: [...filter.states],
        pageSize: LIST,
        pageToken: known?.nextPageToken ?? '',
      });
      const last = tasks.at(-1);
      const horizon = nextPageToken === '' ? -Infinity : milliseconds(last?.updatedAt);
      this.#pages.set(key, { nextPageToken, horizon });
      this.held.merge(tasks, true);
    });
  }

  /** Return the loaded tasks of a list, most recently changed first. */
  list(filter: TaskFilter): { readonly tasks: readonly Task[]; readonly hasMore: boolean } {
    const pages = this.#pages.get(listKey(filter));
    if (pages === undefined) return { tasks: [], hasMore: false };
    const tasks = this.held
      .matching(filter)
      .filter((task) => milliseconds(task.updatedAt) >= pages.horizon)
      .sort(lastChangedFirst);
    return { tasks, hasMore: pages.nextPageToken !== '' };
  }

  /** Load a task with its description, by id or key. */
  loadTask(idOrKey: string): void {
    this.#run(`task:${idOrKey}`, async () => {
      const { task } = await this.client.getTask(
        KEY.test(idOrKey) ? { key: idOrKey.toUpperCase() } : { taskId: idOrKey },
      );
      if (task !== undefined) this.held.merge([task], true);
    });
  }

  history(taskId: string): Cell<readonly TaskChange[]> {
    const known = this.#histories.get(taskId);
    if (known !== undefined) return known;
    const cell = new Cell<readonly TaskChange[]>([]);
    this.#histories.set(taskId, cell);
    return cell;
  }

  loadHistory(taskId: string): void {
    this.#run(`history:${taskId}`, async () => {
      const changes: TaskChange[] = [];
      let pageToken = '';
      do {
        const page = await this.client.listTaskHistory({ taskId, pageSize: HISTORY, pageToken });
        changes.push(...page.changes);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      this.history(taskId).set(changes);
    });
  }

  #replaceProject(project: Project): void {
    const isListed = this.project(project.id) !== undefined;
    this.projects.update((all) =>
      isListed ? all.map((one) => (one.id === project.id ? project : one)) : [...all, project],
    );
  }

  /** Run a task once per key at a time; retry while the network fails or the server is busy. */
  #run(key: string, work: () => Promise<void>): void {
    const state = this.state(key);
    this.#queue.add(key, async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await work();
          state.set({ state: 'ready' });
          return;
        } catch (error) {
          const problem = problemOf(error);
          const isOver = problem.kind === 'refused' || problem.kind === 'unauthenticated';
          if (isOver || attempt === MAX_ATTEMPTS) {
            state.set({ state: 'failed', problem });
            return;
          }
          await sleep(Math.max(backoff(attempt), problem.retryAfterMs));
        }
      }
    });
  }
}

export function listKey({ projectId, assigneeId, states }: TaskFilter): string {
  return `list:${projectId}:${assigneeId}:${[...states].sort((one, other) => one - other).join('.')}`;
}
