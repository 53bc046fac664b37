import type { Problem } from '@/api/problems';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';

import styles from './details.module.css';

/** The reason of a failure, and a remedy. */
export function ProblemNote({ problem }: { readonly problem: Problem | undefined }) {
  const messages = useMessages();
  const texts = useTexts('details');
  if (problem === undefined) return null;
  return (
    <p role="alert" className={styles.problem}>
      {problemText(problem, messages, texts.reasons)}
    </p>
  );
}
