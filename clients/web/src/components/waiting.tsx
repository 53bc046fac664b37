import { Skeleton } from './skeleton';
import styles from './waiting.module.css';

interface Props {
  readonly title: string;
  readonly label: string;
}

/** A loading page with the same landmark and heading as the loaded one. */
export function Waiting({ title, label }: Props) {
  return (
    <main className={styles.page} id="main" tabIndex={-1}>
      <h1 className="visually-hidden">{title}</h1>
      <Skeleton label={label} />
    </main>
  );
}
