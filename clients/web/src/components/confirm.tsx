import { useState } from 'react';

import { Button } from './button';
import styles from './confirm.module.css';

interface Props {
  /** Of the button that asks, and of the one that does it. */
  readonly label: string;
  readonly question: string;
  readonly cancel: string;
  readonly onConfirm: () => void;
}

/** A button whose effect is confirmed in its own place. */
export function Confirm({ label, question, cancel, onConfirm }: Props) {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) return <Button onPress={() => setAsking(true)}>{label}</Button>;
  return (
    <div className={styles.confirm} role="group" aria-label={question}>
      <p>{question}</p>
      <div className={styles.buttons}>
        <Button autoFocus onPress={() => setAsking(false)}>
          {cancel}
        </Button>
        <Button
          look="primary"
          onPress={() => {
            setAsking(false);
            onConfirm();
          }}
        >
          {label}
        </Button>
      </div>
    </div>
  );
}
