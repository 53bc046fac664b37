import styles from './skeleton.module.css';

/** Grey placeholder lines; invisible for the first 300 ms. */
export function Skeleton({
  label,
  lines = 6,
}: {
  readonly label: string;
  readonly lines?: number;
}) {
  return (
    <div className={styles.lines} role="status">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} className={styles.line} aria-hidden="true" />
      ))}
    </div>
  );
}
