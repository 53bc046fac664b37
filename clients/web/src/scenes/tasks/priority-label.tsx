import { TaskPriority } from '@/gen/plexus/tasks/v1/tasks_pb';
import { classes } from '@/kit/classes';
import { useTexts } from '@/messages/subjects';

import styles from './labels.module.css';

/** The priority of a task, unless it is normal. */
export function PriorityLabel({ priority }: { readonly priority: TaskPriority }) {
  const texts = useTexts('tasks');
  const look = {
    [TaskPriority.URGENT]: styles.urgent,
    [TaskPriority.HIGH]: styles.high,
    [TaskPriority.LOW]: styles.low,
    [TaskPriority.NORMAL]: undefined,
    [TaskPriority.UNSPECIFIED]: undefined,
  }[priority];
  if (look === undefined) return null;
  return <span className={classes(styles.priority, look)}>{texts.priority[priority]}</span>;
}
