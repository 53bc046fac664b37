import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';

import { ErrorInfoSchema } from '@/gen/google/rpc/error_details_pb';
import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { TasksService, type MoveTaskRequest } from '@/gen/plexus/tasks/v1/tasks_service_pb';
import { TaskChanging, type Refused } from '@/stores/tasks/changing';
import { HeldTasks } from '@/stores/tasks/held';
import { TaskLoading } from '@/stores/tasks/loading';
import { State } from '@/stores/tasks/states';

import { PROJECT, task } from './model';

const DOING = { columnId: 'doing', state: State.DOING, afterTaskId: '' };

function refusal(reason: string, code: Code): ConnectError {
  const detail = { desc: ErrorInfoSchema, value: { reason, domain: 'plexus' } };
  return new ConnectError(reason, code, undefined, [detail]);
}

/** A tasks service with one task, which checks versions as the real one does. */
function desk(
  onServer: Task,
  onMove: (request: MoveTaskRequest, call: number) => void = () => undefined,
) {
  const server = { task: onServer, calls: [] as MoveTaskRequest[] };
  const transport = createRouterTransport(({ service }) => {
    service(TasksService, {
      moveTask(request) {
        server.calls.push(request);
        onMove(request, server.calls.length);
        if (request.expectedVersion !== server.task.version)
          throw refusal('VERSION_CONFLICT', Code.Aborted);
        const { state, columnId } = request;
        server.task = {
          ...server.task,
          state,
          columnId,
          rank: 'm',
          version: server.task.version + 1n,
        };
        return { task: server.task };
      },
      getTask: () => ({ task: server.task }),
      getBoard: () => ({ project: PROJECT, lanes: [] }),
    });
  });
  const client = createClient(TasksService, transport);
  const held = new HeldTasks();
  const changing = new TaskChanging(client, held, new TaskLoading(client, held));
  const refused: Refused[] = [];
  changing.refused.on((one) => refused.push(one));
  return { server, held, changing, refused };
}

describe('a move', () => {
  it('is shown until it is answered, and the answer stays', async () => {
    const seen = task('a');
    const { held, changing } = desk(seen);
    held.merge([seen], true);
    const moving = changing.move(seen, DOING);
    expect(changing.moves.get()).toMatchObject([{ taskId: 'a', columnId: 'doing' }]);
    expect(await moving).toBe(true);
    expect(changing.moves.get()).toEqual([]);
    expect(held.get('a')).toMatchObject({ columnId: 'doing', version: 2n });
  });

  it('is repeated when somebody edited the words meanwhile', async () => {
    const seen = task('a');
    const { server, held, changing, refused } = desk({ ...seen, title: 'new', version: 5n });
    held.merge([seen], true);
    expect(await changing.move(seen, DOING)).toBe(true);
    expect(server.calls.map(({ expectedVersion }) => expectedVersion)).toEqual([1n, 5n]);
    expect(new Set(server.calls.map(({ requestId }) => requestId)).size).toBe(2);
    expect(held.get('a')).toMatchObject({ title: 'new', columnId: 'doing', version: 6n });
    expect(refused).toEqual([]);
  });

  it('gives way when somebody moved the card meanwhile', async () => {
    const seen = task('a');
    const theirs = { ...seen, state: State.CANCELLED, columnId: '', version: 2n };
    const { server, held, changing, refused } = desk(theirs);
    held.merge([seen], true);
    expect(await changing.move(seen, DOING)).toBe(false);
    expect(server.calls).toHaveLength(1);
    expect(changing.moves.get()).toEqual([]);
    expect(held.get('a')).toMatchObject({ state: State.CANCELLED, version: 2n });
    expect(refused.map(({ problem }) => problem.reason)).toEqual(['VERSION_CONFLICT']);
  });

  it('is sent again under its request id when the network failed', async () => {
    const seen = task('a');
    const { server, held, changing } = desk(seen, (_, call) => {
      if (call === 1) throw new ConnectError('lost', Code.Unavailable);
    });
    held.merge([seen], true);
    expect(await changing.move(seen, DOING)).toBe(true);
    expect(server.calls).toHaveLength(2);
    expect(server.calls[0]?.requestId).toBe(server.calls[1]?.requestId);
  });

  it('waits for the previous one of the same card and names its version', async () => {
    const seen = task('a');
    const { server, held, changing } = desk(seen);
    held.merge([seen], true);
    const both = [
      changing.move(seen, DOING),
      changing.move(seen, { columnId: 'done', state: State.DONE, afterTaskId: '' }),
    ];
    // Only the latest position is shown.
    expect(changing.moves.get()).toMatchObject([{ columnId: 'done' }]);
    expect(await Promise.all(both)).toEqual([true, true]);
    expect(server.calls.map(({ expectedVersion }) => expectedVersion)).toEqual([1n, 2n]);
    expect(held.get('a')).toMatchObject({ columnId: 'done', version: 3n });
  });

  it('forgets a task that may no longer be seen', async () => {
    const seen = task('a');
    const { held, changing, refused } = desk(seen, () => {
      throw refusal('TASK_NOT_FOUND', Code.NotFound);
    });
    held.merge([seen], true);
    expect(await changing.move(seen, DOING)).toBe(false);
    expect(held.get('a')).toBeUndefined();
    expect(refused).toHaveLength(1);
  });
});
