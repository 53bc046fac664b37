import type { ReactNode } from 'react';

import { classes } from '@/kit/classes';
import { useWorkspace } from '@/stores/context';

import styles from './person-button.module.css';

interface Props {
  readonly id: string;
  /** Beside the name, which is a button itself: for the pointer only. */
  readonly isPicture?: boolean;
  readonly children: ReactNode;
}

/** A name or a picture that opens the card of a person. */
export function PersonButton({ id, isPicture = false, children }: Props) {
  const { view } = useWorkspace();
  return (
    <button
      type="button"
      className={classes(styles.person, isPicture && styles.picture)}
      aria-haspopup="dialog"
      onClick={() => view.card.set(id)}
      {...(isPicture ? { tabIndex: -1, 'aria-hidden': true } : {})}
    >
      {children}
    </button>
  );
}
