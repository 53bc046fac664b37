import { useEffect, useRef, useState } from 'react';

import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { isEnter } from '@/kit/keys';
import { useTexts } from '@/messages/subjects';

import styles from './detail.module.css';
import { useTasks } from './use-tasks';

const MAX_CHARACTERS = 500;

/** The title, edited in place: Enter or blur saves, Escape cancels. */
export function TitleField({ task }: { readonly task: Task }) {
  const texts = useTexts('tasks');
  const { changing } = useTasks();
  const [title, setTitle] = useState(task.title);
  const isEditing = useRef(false);

  useEffect(() => {
    if (!isEditing.current) setTitle(task.title);
  }, [task.title]);

  async function save(): Promise<void> {
    isEditing.current = false;
    const wanted = title.replace(/\s+/gu, ' ').trim();
    if (wanted === '' || wanted === task.title) {
      setTitle(task.title);
      return;
    }
    if (!(await changing.edit(task, { title: wanted }))) setTitle(task.title);
  }

  return (
    <textarea
      className={styles.title}
      aria-label={texts.detail.title}
      rows={1}
      maxLength={MAX_CHARACTERS}
      value={title}
      onChange={(event) => {
        isEditing.current = true;
        setTitle(event.target.value);
      }}
      onBlur={() => void save()}
      onKeyDown={(event) => {
        if (isEnter(event.nativeEvent)) {
          event.preventDefault();
          event.currentTarget.blur();
        }
        if (event.key === 'Escape') {
          isEditing.current = false;
          setTitle(task.title);
          event.stopPropagation();
        }
      }}
    />
  );
}
