import { Link } from '@tanstack/react-router';

import { IconButton } from '@/components/button';
import { Icon } from '@/components/icon';
import { plainName } from '@/kit/text';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { useEffect } from 'react';

import { LIST, useTasksAddress } from './address';
import styles from './tasks.module.css';
import { useTasks } from './use-tasks';

// The address of a project starts with that of my day.
const EXACT = { exact: true, includeSearch: false } as const;

/** My day, all tasks, and the user's projects. */
export function TasksNav() {
  const texts = useTexts('tasks');
  const { view } = useWorkspace();
  const { place } = useTasksAddress();
  const { loading } = useTasks();
  useEffect(() => loading.loadProjects(), [loading]);
  const projects = loading.projects.get();
  const current = (id: string): 'page' | undefined => (place === id ? 'page' : undefined);
  return (
    <nav className={styles.nav} aria-label={texts.navigation}>
      <h2>{texts.title}</h2>
      <ul className={styles.places}>
        <li>
          <Link
            to="/tasks"
            search={{}}
            className={styles.place}
            activeOptions={EXACT}
            aria-current={current('')}
          >
            <Icon name="sun" size={17} />
            <span>{texts.day}</span>
          </Link>
        </li>
        <li>
          <Link
            to="/tasks/$place"
            params={{ place: LIST }}
            search={{}}
            className={styles.place}
            activeOptions={EXACT}
            aria-current={current(LIST)}
          >
            <Icon name="task" size={17} />
            <span>{texts.list}</span>
          </Link>
        </li>
      </ul>
      <div className={styles.group}>
        <h3>{texts.projects}</h3>
        <IconButton
          icon="plus"
          label={texts.newProject}
          small
          onPress={() => view.newProject.set(true)}
        />
      </div>
      {projects.length === 0 ? <p className={styles.note}>{texts.noProjects}</p> : null}
      <ul className={styles.places}>
        {projects.map((project) => (
          <li key={project.id}>
            <Link
              to="/tasks/$place"
              params={{ place: project.id }}
              search={{}}
              className={styles.place}
              activeOptions={EXACT}
              aria-current={current(project.id)}
            >
              <i className={styles.dot} aria-hidden="true" />
              <bdi>{plainName(project.name)}</bdi>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
