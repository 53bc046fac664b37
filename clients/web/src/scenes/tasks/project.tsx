import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';

import { Button } from '@/components/button';
import { Skeleton } from '@/components/skeleton';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';

import { LIST, useTasksAddress } from './address';
import { Board } from './board';
import { Head } from './head';
import { TaskList } from './task-list';
import styles from './tasks.module.css';
import { useTasks } from './use-tasks';

// Both views have the address of the project, with different search parameters.
const EXACT = { exact: true, includeSearch: true } as const;

/** A project as a board or as a list. */
export function ProjectScene({ id }: { readonly id: string }) {
  const texts = useTexts('tasks');
  const messages = useMessages();
  const tasks = useTasks();
  const { search } = useTasksAddress();
  const loaded = useCell(tasks.loading.state(`board:${id}`));
  useEffect(() => tasks.watchBoard(id), [tasks, id]);
  const project = tasks.loading.project(id);
  const isList = search.view === LIST;
  if (loaded.state === 'failed' && loaded.problem !== undefined) {
    return (
      <>
        <Head title={texts.title} note="" projectId="" />
        <div className={styles.problem} role="alert">
          <p>{problemText(loaded.problem, messages, texts.reasons)}</p>
          <Button onPress={() => tasks.loading.loadBoard(id)}>{texts.retry}</Button>
        </div>
      </>
    );
  }
  return (
    <>
      <Head
        title={project === undefined ? texts.title : plainName(project.name)}
        note={project === undefined ? '' : texts.members(project.memberIds.length)}
        projectId={id}
      >
        <nav className={styles.views} aria-label={texts.views}>
          <Link
            to="/tasks/$place"
            params={{ place: id }}
            search={{}}
            activeOptions={EXACT}
            aria-current={isList ? undefined : 'page'}
          >
            {texts.board}
          </Link>
          <Link
            to="/tasks/$place"
            params={{ place: id }}
            search={{ view: LIST }}
            activeOptions={EXACT}
            aria-current={isList ? 'page' : undefined}
          >
            {texts.asList}
          </Link>
        </nav>
      </Head>
      {project === undefined || loaded.state !== 'ready' ? (
        <Skeleton label={texts.loading} />
      ) : isList ? (
        <TaskList />
      ) : (
        <Board project={project} />
      )}
    </>
  );
}
