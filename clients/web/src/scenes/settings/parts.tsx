import { useId, useState, type ReactNode } from 'react';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { Check } from '@/components/controls';
import { Skeleton } from '@/components/skeleton';
import { classes } from '@/kit/classes';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';

import styles from './settings.module.css';

interface PanelProps {
  readonly title: string;
  readonly note?: string;
  readonly children: ReactNode;
}

/** A panel of a settings section. */
export function Panel({ title, note, children }: PanelProps) {
  const id = useId();
  return (
    <section className={styles.panel} aria-labelledby={id}>
      <div>
        <h2 id={id}>{title}</h2>
        {note === undefined ? null : <p className={styles.note}>{note}</p>}
      </div>
      {children}
    </section>
  );
}

/** The reason of a failure, and a remedy. */
export function ProblemNote({
  problem,
  reasons = {},
}: {
  readonly problem: Problem | undefined;
  /** Texts of this form, which take precedence over those of the settings. */
  readonly reasons?: Readonly<Record<string, string>>;
}) {
  const messages = useMessages();
  const texts = useTexts('settings');
  if (problem === undefined) return null;
  return (
    <p role="alert" className={styles.problem}>
      {problemText(problem, messages, { ...texts.reasons, ...reasons })}
    </p>
  );
}

interface AwaitedProps {
  readonly problem: Problem | undefined;
  readonly onRetry: () => void;
}

/** Placeholder for content that is loading or has failed to load. */
export function Awaited({ problem, onRetry }: AwaitedProps) {
  const texts = useTexts('settings');
  if (problem === undefined) return <Skeleton label={texts.loading} lines={4} />;
  return (
    <div className={styles.panel}>
      <ProblemNote problem={problem} />
      <div className={styles.buttons}>
        <Button onPress={onRetry}>{texts.retry}</Button>
      </div>
    </div>
  );
}

/** A button that copies a text and confirms it. */
export function CopyButton({ text }: { readonly text: string }) {
  const texts = useTexts('settings');
  const [isCopied, setCopied] = useState(false);
  return (
    <>
      <Button
        onPress={() => {
          void navigator.clipboard.writeText(text).then(() => setCopied(true));
        }}
      >
        {texts.copy}
      </Button>
      <span role="status" className={styles.said}>
        {isCopied ? texts.copied : ''}
      </span>
    </>
  );
}

interface DaysProps {
  readonly label: string;
  /** Hides the label visually; screen readers read it. */
  readonly isLabelHidden?: boolean;
  readonly days: readonly number[];
  readonly onChange: (days: readonly number[]) => void;
}

/** Days of the week, 1 Monday to 7 Sunday. */
export function Days({ label, isLabelHidden = false, days, onChange }: DaysProps) {
  const texts = useTexts('settings');
  return (
    <fieldset className={styles.days}>
      <legend className={classes(isLabelHidden && 'visually-hidden')}>{label}</legend>
      {texts.weekday.map((name, index) => (
        <Check
          key={name}
          label={name}
          isOn={days.includes(index + 1)}
          onChange={(isOn) => {
            const others = days.filter((day) => day !== index + 1);
            onChange(isOn ? [...others, index + 1].sort((one, other) => one - other) : others);
          }}
        />
      ))}
    </fieldset>
  );
}
