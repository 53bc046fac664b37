import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';

import {
  BoardColumnSchema,
  ProjectSchema,
  Task_State as State,
  TaskSchema,
  type Project,
  type Task,
} from '@/gen/plexus/tasks/v1/tasks_pb';

export const PROJECT: Project = create(ProjectSchema, {
  id: 'prj_1',
  name: '发布',
  columns: [
    column('todo', 'To do', State.TODO),
    column('doing', 'Doing', State.DOING),
    column('blocked', 'Blocked', State.BLOCKED),
    column('done', 'Done', State.DONE),
  ],
});

export function column(id: string, name: string, state: State) {
  return create(BoardColumnSchema, { id, name, state });
}

type Fields = Omit<MessageInitShape<typeof TaskSchema>, '$typeName' | '$unknown'>;

/** Return a task of the project, in the column of its state. */
export function task(id: string, fields: Fields = {}): Task {
  const state = fields.state ?? State.TODO;
  return create(TaskSchema, {
    id,
    key: id.toUpperCase(),
    title: id,
    projectId: PROJECT.id,
    state,
    columnId: PROJECT.columns.find((one) => one.state === state)?.id ?? '',
    rank: id,
    version: 1n,
    updatedAt: timestampFromMs(1_000),
    ...fields,
  });
}
