import { useTexts } from '@/messages/subjects';

import { Head } from './head';
import { TaskList } from './task-list';

/** Every task that the person sees, narrowed by filters. */
export function TaskListScene() {
  const texts = useTexts('tasks');
  return (
    <>
      <Head title={texts.list} note="" projectId="" />
      <TaskList />
    </>
  );
}
