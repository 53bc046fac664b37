import styles from './badge.module.css';
import { classes } from '@/kit/classes';

const MAX_SHOWN = 999;

interface Props {
  readonly count: number;
  /** Accessible name, which replaces the number. */
  readonly label: string;
  readonly prefix?: string;
  readonly quiet?: boolean;
}

export function Badge({ count, label, prefix = '', quiet = false }: Props) {
  const shown = count > MAX_SHOWN ? `${MAX_SHOWN}+` : `${count}`;
  return (
    <span className={classes(styles.badge, quiet && styles.quiet)}>
      <span aria-hidden="true">{`${prefix}${shown}`}</span>
      <span className="visually-hidden">{label}</span>
    </span>
  );
}
