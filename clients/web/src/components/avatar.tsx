import { classes } from '@/kit/classes';
import { monogram } from '@/kit/text';

import styles from './avatar.module.css';
import { Icon } from './icon';

const TONES = 6;

interface Props {
  /** Selects the colour; the same id always has the same one. */
  readonly id: string;
  readonly name: string;
  readonly small?: boolean;
  readonly group?: boolean;
}

/** A picture of a person or a group, shown beside the name. */
export function Avatar({ id, name, small = false, group = false }: Props) {
  return (
    <span
      className={classes(
        styles.avatar,
        styles[`tone${tone(id)}`],
        small ? styles.small : styles.large,
      )}
      aria-hidden="true"
    >
      {group ? <Icon name="group" size={small ? 13 : 19} /> : monogram(name)}
    </span>
  );
}

function tone(id: string): number {
  let sum = 0;
  for (const unit of id) sum = (sum * 31 + (unit.codePointAt(0) ?? 0)) % 9973;
  return sum % TONES;
}
