import { useState } from 'react';

import { Button } from './button';
import styles from './confirm.module.css';

interface Props {
  /** Label of the button, and of its confirmation. */
  readonly label: string;
  readonly question: string;
  readonly cancel: string;
  readonly onConfirm: () => void;
}

/** A button whose action is confirmed in place. */
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
