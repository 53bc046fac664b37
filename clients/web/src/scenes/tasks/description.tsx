import { useState } from 'react';

import { Button } from '@/components/button';
import { TextArea } from '@/components/inputs';
import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { useTexts } from '@/messages/subjects';

import styles from './detail.module.css';
import { LinkedText } from './linked-text';
import { useTasks } from './use-tasks';

/** The description as plain text with links; a press edits it. */
export function Description({ task, isWhole }: { readonly task: Task; readonly isWhole: boolean }) {
  const texts = useTexts('tasks');
  const { changing } = useTasks();
  const [draft, setDraft] = useState<string | undefined>(undefined);

  async function save(): Promise<void> {
    if (draft === undefined) return;
    // The text stays in the editor if it was not saved.
    if (draft === task.description || (await changing.edit(task, { description: draft })))
      setDraft(undefined);
  }

  if (draft !== undefined) {
    return (
      <form
        className={styles.editor}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && !event.nativeEvent.isComposing) setDraft(undefined);
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void save();
        }}
      >
        <TextArea label={texts.detail.description} value={draft} onChange={setDraft} autoFocus />
        <div className={styles.buttons}>
          <Button type="submit" look="primary">
            {texts.detail.save}
          </Button>
          <Button onPress={() => setDraft(undefined)}>{texts.detail.cancel}</Button>
        </div>
      </form>
    );
  }
  return (
    <section className={styles.description} aria-label={texts.detail.description}>
      <div className={styles.sectionHead}>
        <h2>{texts.detail.description}</h2>
        <Button look="plain" isDisabled={!isWhole} onPress={() => setDraft(task.description)}>
          {texts.detail.editDescription}
        </Button>
      </div>
      {task.description === '' ? (
        <p className={styles.note}>{texts.detail.noDescription}</p>
      ) : (
        <LinkedText text={task.description} />
      )}
    </section>
  );
}
