import { useTexts } from '@/messages/subjects';

import { Head } from './head';
import { TaskList } from './task-list';

/** Every task visible to the user, narrowed by filters. */
export function TaskListScene() {
  const texts = useTexts('tasks');
  return (
    <>
      <Head title={texts.list} note="" projectId="" />
      <TaskList />
    </>
  );
}
