import { classes } from '@/kit/classes';
import { useTexts } from '@/messages/subjects';
import type { State } from '@/stores/tasks/states';

import styles from './list.module.css';

export function StateLabel({ state }: { readonly state: State }) {
  const texts = useTexts('tasks');
  return (
    <span className={styles.state}>
      <i className={classes(styles.dot, styles[`state${state}`])} aria-hidden="true" />
      {texts.state[state]}
    </span>
  );
}
