import { Icon } from '@/components/icon';
import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { classes } from '@/kit/classes';
import { useNow } from '@/kit/now';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { nearnessOf } from '@/stores/tasks/due';

import styles from './labels.module.css';
import { dueText } from './naming';

/** The due date of a task; highlighted once it has passed. */
export function DueLabel({ task }: { readonly task: Task }) {
  const texts = useTexts('tasks');
  const { format } = useLanguage();
  const now = useNow();
  if (task.due?.due.case === undefined) return null;
  const nearness = nearnessOf(task, now);
  const words = dueText(task.due, { format, texts, now });
  return (
    <span className={classes(styles.due, styles[nearness])} title={texts.due.label(words)}>
      <Icon name="clock" size={13} />
      <span className="visually-hidden">
        {nearness === 'overdue' ? `${texts.due.overdue}, ` : ''}
        {texts.due.label(words)}
      </span>
      <span aria-hidden="true">{words}</span>
    </span>
  );
}
