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
    <Question
      label={label}
      question={question}
      cancel={cancel}
      onCancel={() => setAsking(false)}
      onConfirm={() => {
        setAsking(false);
        onConfirm();
      }}
    />
  );
}

interface QuestionProps extends Props {
  readonly onCancel: () => void;
}

/** A question in place, before an action that is hard to undo. */
export function Question({ label, question, cancel, onCancel, onConfirm }: QuestionProps) {
  return (
    <div className={styles.confirm} role="group" aria-label={question}>
      <p>{question}</p>
      <div className={styles.buttons}>
        <Button autoFocus onPress={onCancel}>
          {cancel}
        </Button>
        <Button look="primary" onPress={onConfirm}>
          {label}
        </Button>
      </div>
    </div>
  );
}
