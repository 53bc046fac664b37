import { lazy, Suspense } from 'react';

import { useCell } from '@/kit/cell';
import { useWorkspace } from '@/stores/context';

const NewTask = lazy(async () => ({
  default: (await import('@/scenes/tasks/new-task')).NewTask,
}));
const NewProject = lazy(async () => ({
  default: (await import('@/scenes/tasks/new-project')).NewProject,
}));
const MessageInfo = lazy(async () => ({
  default: (await import('@/scenes/message-info/message-info')).MessageInfo,
}));
const PersonCard = lazy(async () => ({
  default: (await import('@/scenes/people/person-card')).PersonCard,
}));

/** Windows that open over every scene; each is downloaded when it is first opened. */
export function Overlays() {
  const { view } = useWorkspace();
  const card = useCell(view.card);
  const info = useCell(view.info);
  const newTask = useCell(view.newTask);
  const newProject = useCell(view.newProject);
  return (
    <Suspense>
      {newTask === undefined ? null : <NewTask beginning={newTask} />}
      {newProject ? <NewProject /> : null}
      {info === undefined ? null : <MessageInfo asked={info} />}
      {card === '' ? null : <PersonCard key={card} id={card} />}
    </Suspense>
  );
}
