import { useEffect } from 'react';

import { useCell } from '@/kit/cell';
import { useLanguage } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { TasksStore } from '@/stores/tasks/tasks';

/** Return the tasks of this tab; render again when any of them changes. */
export function useTasks(): TasksStore {
  const tasks = storeOf(useWorkspace(), TasksStore);
  useCell(tasks.held.version);
  useCell(tasks.changing.moves);
  useCell(tasks.loading.projects);
  return tasks;
}

/** Keep the tasks up to date while a scene is shown, and report failed changes. */
export function useTasksInStep(): void {
  const workspace = useWorkspace();
  const { messages } = useLanguage();
  const texts = useTexts('tasks');
  const tasks = storeOf(workspace, TasksStore);
  useEffect(() => tasks.watch(), [tasks]);
  useEffect(
    () =>
      tasks.changing.refused.on(({ problem, task }) =>
        workspace.view.notify(
          problem.reason === 'VERSION_CONFLICT'
            ? texts.conflict(task.title)
            : texts.failed(task.title, problemText(problem, messages, texts.reasons)),
        ),
      ),
    [tasks, workspace, messages, texts],
  );
}
