import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import type { Project, Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import type {
  CreateProjectRequestSchema,
  CreateTaskRequestSchema,
  TasksService,
  UpdateTaskRequestSchema,
} from '@/gen/plexus/tasks/v1/tasks_service_pb';
import { Cell } from '@/kit/cell';
import { randomId } from '@/kit/ids';
import { Signal } from '@/kit/signal';
import { backoff, sleep } from '@/kit/time';

import type { Move, Target } from './board';
import type { HeldTasks } from './held';
import type { TaskLoading } from './loading';

const MAX_ATTEMPTS = 4;
const CONFLICT = 'VERSION_CONFLICT';
const GONE = new Set(['TASK_NOT_FOUND', 'PROJECT_NOT_FOUND']);
/** The board differs from the shown one. */
const OUTDATED = new Set(['NEIGHBOUR_NOT_IN_COLUMN', 'COLUMN_NOT_FOUND', 'TRANSITION_NOT_ALLOWED']);

type Fields<Schema extends DescMessage, Left extends string = never> = Omit<
  MessageInitShape<Schema>,
  '$typeName' | '$unknown' | 'requestId' | Left
>;
export type NewTask = Fields<typeof CreateTaskRequestSchema>;
export type NewProject = Fields<typeof CreateProjectRequestSchema>;
export type Edit = Fields<typeof UpdateTaskRequestSchema, 'taskId' | 'expectedVersion'>;

/** A refused change, which is undone on the screen. */
export interface Refused {
  readonly problem: Problem;
  readonly task: Task;
}

/** Changes of tasks. Each names the seen version, so that no other user's change is lost. */
export class TaskChanging {
  readonly refused = new Signal<Refused>();
  /** Moves that are shown but not confirmed yet, oldest first. */
  readonly moves = new Cell<readonly Move[]>([]);
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(
    private readonly client: Client<typeof TasksService>,
    private readonly held: HeldTasks,
    private readonly loading: TaskLoading,
  ) {}

  /** Create a task; return it or the problem. */
  async create(fields: NewTask): Promise<Task | Problem> {
    const requestId = randomId();
    try {
      const { task } = await this.#attempt(() => this.client.createTask({ ...fields, requestId }));
      if (task === undefined) throw new Error('CreateTask answered without a task.');
      this.held.merge([task], true);
      return task;
    } catch (error) {
      return problemOf(error);
    }
  }

  async createProject(fields: NewProject): Promise<Project | Problem> {
    const requestId = randomId();
    try {
      const { project } = await this.#attempt(() =>
        this.client.createProject({ ...fields, requestId }),
      );
      if (project === undefined) throw new Error('CreateProject answered without a project.');
      this.loading.putProject(project);
      return project;
    } catch (error) {
      return problemOf(error);
    }
  }

  async edit(task: Task, edit: Edit): Promise<boolean> {
    return this.#change(task, (expectedVersion, requestId) =>
      this.client.updateTask({ ...edit, taskId: task.id, expectedVersion, requestId }),
    );
  }

  async assign(task: Task, assigneeIds: readonly string[]): Promise<boolean> {
    return this.#change(task, (expectedVersion, requestId) =>
      this.client.assignTask({
        taskId: task.id,
        assigneeIds: [...assigneeIds],
        expectedVersion,
        requestId,
      }),
    );
  }

  /** Set the state of a task without a board, or of one that leaves or enters its board. */
  async setState(task: Task, state: Task['state']): Promise<boolean> {
    return this.#change(task, (expectedVersion, requestId) =>
      this.client.moveTask({ taskId: task.id, state, expectedVersion, requestId }),
    );
  }

  /**
   * Move a card. It is shown there at once, and moves back if the server refuses.
   *
   * A concurrent edit of the task's texts does not cause a refusal, but a concurrent move does:
   * that move stays.
   */
  async move(task: Task, target: Target): Promise<boolean> {
    const move: Move = { ...target, taskId: task.id };
    this.moves.update((moves) => [...moves.filter(({ taskId }) => taskId !== task.id), move]);
    return this.#inTurn(task.id, async () => {
      try {
        return await this.#send(move, task);
      } finally {
        this.moves.update((moves) => moves.filter((one) => one !== move));
      }
    });
  }

  async #send(move: Move, shown: Task): Promise<boolean> {
    let base = this.held.get(shown.id) ?? shown;
    const requestIds = [randomId(), randomId()];
    for (const requestId of requestIds) {
      try {
        const { task } = await this.#attempt(() =>
          this.client.moveTask({ ...move, expectedVersion: base.version, requestId }),
        );
        if (task !== undefined) this.held.merge([task], true);
        return true;
      } catch (error) {
        const problem = problemOf(error);
        const current = problem.reason === CONFLICT ? await this.#refetch(base.id) : undefined;
        if (current !== undefined && isAtSamePlace(current, base) && requestId === requestIds[0]) {
          base = current;
          continue;
        }
        await this.#fail(problem, base);
        return false;
      }
    }
    return false;
  }

  async #change(
    task: Task,
    call: (
      expectedVersion: bigint,
      requestId: string,
    ) => Promise<{ readonly task?: Task | undefined }>,
  ): Promise<boolean> {
    return this.#inTurn(task.id, async () => {
      // An own change confirmed meanwhile is not a conflict.
      const seen = this.held.get(task.id) ?? task;
      const requestId = randomId();
      try {
        const { task: changed } = await this.#attempt(() => call(seen.version, requestId));
        if (changed !== undefined) this.held.merge([changed], true);
        return true;
      } catch (error) {
        const problem = problemOf(error);
        if (problem.reason === CONFLICT) await this.#refetch(task.id);
        await this.#fail(problem, seen);
        return false;
      }
    });
  }

  async #fail(problem: Problem, task: Task): Promise<void> {
    if (GONE.has(problem.reason)) this.held.remove(task.id);
    if (OUTDATED.has(problem.reason)) {
      await this.#refetch(task.id);
      if (task.projectId !== '') this.loading.loadBoard(task.projectId);
    }
    this.refused.emit({ problem, task });
  }

  async #refetch(taskId: string): Promise<Task | undefined> {
    try {
      const { task } = await this.client.getTask({ taskId });
      if (task !== undefined) this.held.merge([task], true);
      return task;
    } catch {
      // The change is refused in any case; the next refresh fetches the missing data.
      return undefined;
    }
  }

  /** Run the changes of one task one after the other: each needs the version of the previous. */
  async #inTurn(taskId: string, work: () => Promise<boolean>): Promise<boolean> {
    const turn = (this.#turns.get(taskId) ?? Promise.resolve()).then(work);
    this.#turns.set(taskId, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(taskId) === turn) this.#turns.delete(taskId);
    }
  }

  /** Retry a call with the same request id while the network fails or the server is busy. */
  async #attempt<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        const { kind, reason, retryAfterMs } = problemOf(error);
        const isOver = (kind !== 'network' && kind !== 'busy') || reason === CONFLICT;
        if (isOver || attempt === MAX_ATTEMPTS) throw error;
        await sleep(Math.max(backoff(attempt - 1), retryAfterMs));
      }
    }
  }
}

/** Return whether the result is a problem. */
export function isProblem(answer: object): answer is Problem {
  return 'kind' in answer && 'retryAfterMs' in answer;
}

function isAtSamePlace(one: Task, other: Task): boolean {
  return one.state === other.state && one.columnId === other.columnId && one.rank === other.rank;
}
