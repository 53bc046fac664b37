import { useEffect, useRef } from 'react';

import { Button, IconButton } from '@/components/button';
import { Skeleton } from '@/components/skeleton';
import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { useCell } from '@/kit/cell';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';

import { Description } from './description';
import styles from './detail.module.css';
import { TaskFields } from './task-fields';
import { TaskHistory } from './task-history';
import { TitleField } from './title-field';
import { useTasks } from './use-tasks';

interface Props {
  /** Id, or key such as `T-128`. */
  readonly idOrKey: string;
  /** True if no other part of the scene is shown. */
  readonly isAlone?: boolean;
  readonly onClose: () => void;
}

/** The details of a task; Escape closes them. */
export function TaskDetail({ idOrKey, isAlone = false, onClose }: Props) {
  const texts = useTexts('tasks');
  const { messages } = useLanguage();
  const { view } = useWorkspace();
  const { held, loading } = useTasks();
  const panel = useRef<HTMLElement>(null);
  const loaded = useCell(loading.state(`task:${idOrKey}`));
  const task = held.get(idOrKey);
  const isWhole = task !== undefined && held.isWhole(task.id);

  useEffect(() => {
    if (!isWhole) loading.loadTask(idOrKey);
  }, [isWhole, loading, idOrKey, task?.version]);
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);

  function copyLink(key: string): void {
    const address = `${location.origin}/tasks?task=${encodeURIComponent(key)}`;
    void navigator.clipboard.writeText(address).then(() => view.notify(texts.detail.copied, true));
  }

  const Panel = isAlone ? 'main' : 'aside';
  return (
    <Panel
      ref={panel}
      id={isAlone ? 'main' : undefined}
      className={styles.panel}
      tabIndex={-1}
      aria-label={texts.detail.label(task?.key ?? '')}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.nativeEvent.isComposing) return;
        if (event.target instanceof HTMLTextAreaElement) return;
        onClose();
      }}
    >
      {isAlone ? <h1 className="visually-hidden">{texts.detail.label(task?.key ?? '')}</h1> : null}
      <header className={styles.head}>
        <span className={styles.key}>{task?.key}</span>
        {task === undefined ? null : (
          <IconButton
            icon="link"
            label={texts.detail.copyLink}
            onPress={() => copyLink(task.key)}
          />
        )}
        <IconButton icon="close" label={texts.detail.close} onPress={onClose} />
      </header>
      {task === undefined && loaded.state === 'loading' ? (
        <Skeleton label={texts.loading} lines={3} />
      ) : null}
      {task === undefined && loaded.state === 'failed' && loaded.problem !== undefined ? (
        <div className={styles.problem} role="alert">
          <p>
            {loaded.problem.reason === 'TASK_NOT_FOUND'
              ? texts.detail.gone
              : problemText(loaded.problem, messages, texts.reasons)}
          </p>
          <Button onPress={() => loading.loadTask(idOrKey)}>{texts.retry}</Button>
        </div>
      ) : null}
      {task === undefined ? null : <Content key={task.id} task={task} isWhole={isWhole} />}
    </Panel>
  );
}

function Content({ task, isWhole }: { readonly task: Task; readonly isWhole: boolean }) {
  const texts = useTexts('tasks');
  const { messages, format } = useLanguage();
  const { people } = useWorkspace();
  useCell(people.version);
  const creator = personName(task.creatorId, people, messages);
  return (
    <div className={styles.content}>
      <TitleField task={task} />
      <TaskFields task={task} />
      <Description task={task} isWhole={isWhole} />
      <p className={styles.note}>
        {texts.detail.created(creator, format.full(milliseconds(task.createdAt)))}
      </p>
      <TaskHistory task={task} />
    </div>
  );
}
