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

const NewGroup = lazy(async () => ({
  default: (await import('@/scenes/details/new-group')).NewGroup,
}));
const Forward = lazy(async () => ({
  default: (await import('@/scenes/sending/forward')).Forward,
}));
const Schedule = lazy(async () => ({
  default: (await import('@/scenes/sending/schedule')).Schedule,
}));
const Scheduled = lazy(async () => ({
  default: (await import('@/scenes/sending/scheduled')).Scheduled,
}));
const JumpToDate = lazy(async () => ({
  default: (await import('@/scenes/sending/jump-to-date')).JumpToDate,
}));
const Labels = lazy(async () => ({
  default: (await import('@/scenes/sending/labels')).Labels,
}));
const Filing = lazy(async () => ({
  default: (await import('@/scenes/details/filing')).Filing,
}));

const Tour = lazy(async () => ({ default: (await import('@/scenes/tour/tour')).Tour }));

/** Windows over every scene, each downloaded when first opened. */
export function Overlays() {
  const { preferences } = useDevice();
  const { personId, view } = useWorkspace();
  const card = useCell(view.card);
  const info = useCell(view.info);
  const newTask = useCell(view.newTask);
  const newProject = useCell(view.newProject);
  const isGrouping = useCell(view.newGroup);
  const filing = useCell(view.filing);
  const isTouring = useCell(view.tour);
  useEffect(() => {
    if (!preferences.hasSeenTour(personId)) view.tour.set(true);
  }, [preferences, personId, view]);
  return (
    <Suspense>
      {newTask === undefined ? null : <NewTask beginning={newTask} />}
      {newProject ? <NewProject /> : null}
      {info === undefined ? null : <MessageInfo asked={info} />}
      {isGrouping ? <NewGroup /> : null}
      {filing === '' ? null : <Filing key={filing} conversationId={filing} />}
      <SendingWindows />
      {isTouring ? <Tour /> : null}
      {card === '' ? null : <PersonCard key={card} id={card} />}
    </Suspense>
  );
}

/** Dialogs about sending messages: now, later and elsewhere. */
function SendingWindows() {
  const { view } = useWorkspace();
  const forwarding = useCell(view.forwarding);
  const scheduling = useCell(view.scheduling);
  const isListing = useCell(view.scheduled);
  const dating = useCell(view.dating);
  const labelling = useCell(view.labelling);
  return (
    <>
      {forwarding === undefined ? null : <Forward target={forwarding} />}
      {scheduling === undefined ? null : <Schedule line={scheduling} />}
      {isListing ? <Scheduled /> : null}
      {dating === '' ? null : <JumpToDate conversationId={dating} />}
      {labelling === undefined ? null : <Labels target={labelling} />}
    </>
  );
}
