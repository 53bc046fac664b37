import { lazy, Suspense, useEffect } from 'react';

import { useCell } from '@/kit/cell';
import { useDevice, useWorkspace } from '@/stores/context';

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

const Tour = lazy(async () => ({ default: (await import('@/scenes/tour/tour')).Tour }));

/** Windows that open over every scene; each is downloaded when it is first opened. */
export function Overlays() {
  const { preferences } = useDevice();
  const { personId, view } = useWorkspace();
  const card = useCell(view.card);
  const info = useCell(view.info);
  const newTask = useCell(view.newTask);
  const newProject = useCell(view.newProject);
  const isTouring = useCell(view.tour);
  useEffect(() => {
    if (!preferences.hasSeenTour(personId)) view.tour.set(true);
  }, [preferences, personId, view]);
  return (
    <Suspense>
      {newTask === undefined ? null : <NewTask beginning={newTask} />}
      {newProject ? <NewProject /> : null}
      {info === undefined ? null : <MessageInfo asked={info} />}
      {isTouring ? <Tour /> : null}
      {card === '' ? null : <PersonCard key={card} id={card} />}
    </Suspense>
  );
}
