import { classes } from '@/kit/classes';

import styles from './tabs.module.css';

interface Props {
  readonly label: string;
  readonly tabs: readonly { readonly id: string; readonly label: string }[];
  readonly selected: string;
  readonly onSelect: (id: string) => void;
}

/** A row of exclusive tabs above their content. */
export function Tabs({ label, tabs, selected, onSelect }: Props) {
  return (
    <div className={styles.tabs} role="group" aria-label={label}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          className={classes(styles.tab)}
          aria-pressed={tab.id === selected}
          onClick={() => onSelect(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}
