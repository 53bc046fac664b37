import type { ReactNode } from 'react';

import { IconButton } from './button';
import styles from './side-panel.module.css';

interface Props {
  readonly title: string;
  /** The label of the button that closes it. */
  readonly close: string;
  readonly focusClose?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A panel with a title beside the messages of a conversation; Escape closes it. */
export function SidePanel({ title, close, focusClose = false, onClose, children }: Props) {
  return (
    <aside
      className={styles.panel}
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.nativeEvent.isComposing) onClose();
      }}
    >
      <header className={styles.head}>
        <h2>{title}</h2>
        <IconButton icon="close" label={close} autoFocus={focusClose} onPress={onClose} />
      </header>
      {children}
    </aside>
  );
}
