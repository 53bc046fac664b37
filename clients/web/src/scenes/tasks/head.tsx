import type { ReactNode } from 'react';

import { Button, IconButton } from '@/components/button';
import { Icon } from '@/components/icon';
import { Menu } from '@/components/menu';
import { plainName } from '@/kit/text';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';

import { LIST, useTasksAddress } from './address';
import styles from './tasks.module.css';
import { useTasks } from './use-tasks';

interface Props {
  readonly title: string;
  readonly note: string;
  /** The project of new tasks; empty for none. */
  readonly projectId: string;
  readonly children?: ReactNode;
}

/** The bar above a view of tasks; on a phone its menu leads to the other views. */
export function Head({ title, note, projectId, children }: Props) {
  const texts = useTexts('tasks');
  const { view } = useWorkspace();
  const { go } = useTasksAddress();
  const { loading } = useTasks();
  const places = [
    { id: 'day', label: texts.day, icon: 'sun' as const, run: () => go('') },
    { id: LIST, label: texts.list, icon: 'task' as const, run: () => go(LIST) },
    ...loading.projects.get().map((project) => ({
      id: project.id,
      label: plainName(project.name),
      run: () => go(project.id),
    })),
    {
      id: 'new-project',
      label: texts.newProject,
      icon: 'plus' as const,
      run: () => view.newProject.set(true),
    },
  ];
  return (
    <header className={styles.head}>
      <div className={styles.switcher}>
        <Menu label={texts.places} entries={places}>
          <IconButton icon="menu" label={texts.places} />
        </Menu>
      </div>
      <h1>
        <bdi>{title}</bdi>
      </h1>
      <span className={styles.aside}>{note}</span>
      <span className={styles.spring} />
      {children}
      <Button look="primary" onPress={() => view.newTask.set({ projectId })}>
        <Icon name="plus" size={16} />
        <span className={styles.words}>{texts.newTask}</span>
      </Button>
    </header>
  );
}
