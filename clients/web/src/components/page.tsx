import type { KeyboardEvent, ReactNode, Ref } from 'react';

import styles from './page.module.css';

interface Props {
  readonly title: string;
  /** Buttons beside the title. */
  readonly actions?: ReactNode;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  /** The scrolling element. */
  readonly ref?: Ref<HTMLElement>;
  readonly children: ReactNode;
}

/** A scene that fills the space beside the navigation, with a title and one column. */
export function Page({ title, actions, onKeyDown, ref, children }: Props) {
  return (
    <main ref={ref} className={styles.page} id="main" tabIndex={-1} onKeyDown={onKeyDown}>
      <div className={styles.column}>
        <header className={styles.head}>
          <h1>{title}</h1>
          {actions}
        </header>
        {children}
      </div>
    </main>
  );
}
