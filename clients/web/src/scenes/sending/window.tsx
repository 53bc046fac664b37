import type { ReactNode } from 'react';

import type { Problem } from '@/api/problems';
import { Dialog } from '@/components/dialog';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';

import styles from './sending.module.css';

interface Props {
  readonly title: string;
  readonly problem: Problem | undefined;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  /** The buttons at the end. */
  readonly buttons: ReactNode;
  readonly children: ReactNode;
}

/** A dialog with a form, and the reason of a failed submission. */
export function FormWindow({ title, problem, onSubmit, onClose, buttons, children }: Props) {
  return (
    <Dialog label={title} isOpen onClose={onClose}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <h2>{title}</h2>
        {children}
        <ProblemNote problem={problem} />
        <div className={styles.buttons}>{buttons}</div>
      </form>
    </Dialog>
  );
}

/** The reason of a failure, and a remedy. */
export function ProblemNote({ problem }: { readonly problem: Problem | undefined }) {
  const messages = useMessages();
  const texts = useTexts('sending');
  if (problem === undefined) return null;
  return (
    <p role="alert" className={styles.problem}>
      {problemText(problem, messages, texts.reasons)}
    </p>
  );
}
