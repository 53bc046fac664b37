import { useState, type ReactNode } from 'react';
import { Form } from 'react-aria-components';

import { Button } from '@/components/button';
import { Field } from '@/components/field';
import { QrCode } from '@/components/qr-code';
import type {
  EnrollTotpResponse,
  SecondFactor,
} from '@/gen/plexus/directory/v1/session_service_pb';
import type { Problem } from '@/api/problems';
import { classes } from '@/kit/classes';
import { useTexts } from '@/messages/subjects';
import type { SecurityStore } from '@/stores/account/security';

import { ProblemNote } from './parts';
import { factorName } from './factor-name';
import styles from './settings.module.css';
import { useTask } from './use-task';

interface StepProps {
  readonly submit: string;
  readonly busy: boolean;
  readonly problem: Problem | undefined;
  readonly onSubmit: () => void;
  readonly onCancel: () => void;
  readonly children: ReactNode;
}

/** A step with an input. */
function Step({ submit, busy, problem, onSubmit, onCancel, children }: StepProps) {
  const { cancel } = useTexts('settings');
  return (
    <Form
      className={classes(styles.form)}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      <ProblemNote problem={problem} />
      <div className={styles.buttons}>
        <Button type="submit" look="primary" isDisabled={busy}>
          {submit}
        </Button>
        <Button onPress={onCancel}>{cancel}</Button>
      </div>
    </Form>
  );
}

interface PasswordProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function PasswordField({ value, onChange }: PasswordProps) {
  const texts = useTexts('settings');
  return (
    <>
      <p className={styles.note}>{texts.passwordWhy}</p>
      <Field
        label={texts.password}
        missing={texts.required}
        value={value}
        onChange={onChange}
        type="password"
        autoComplete="current-password"
        isRequired
        autoFocus
      />
    </>
  );
}

interface AddProps {
  readonly store: SecurityStore;
  readonly onDone: (recoveryCodes: readonly string[]) => void;
  readonly onCancel: () => void;
}

/** The password, then a code of the app. */
export function AddTotp({ store, onDone, onCancel }: AddProps) {
  const { security, required } = useTexts('settings');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [enrolled, setEnrolled] = useState<EnrollTotpResponse | undefined>(undefined);
  const { busy, problem, run } = useTask();
  if (enrolled === undefined) {
    const enrol = async (): Promise<Problem | undefined> => {
      const answer = await store.enrollTotp(password);
      setEnrolled(answer.value);
      return answer.problem;
    };
    return (
      <Step
        submit={security.next}
        busy={busy}
        problem={problem}
        onSubmit={() => void run(enrol)}
        onCancel={onCancel}
      >
        <PasswordField value={password} onChange={setPassword} />
      </Step>
    );
  }
  const confirm = async (): Promise<Problem | undefined> => {
    const answer = await store.confirmTotp(code);
    if (answer.value !== undefined) onDone(answer.value);
    return answer.problem;
  };
  return (
    <Step
      submit={security.confirm}
      busy={busy}
      problem={problem}
      onSubmit={() => void run(confirm)}
      onCancel={onCancel}
    >
      <p>{security.scan}</p>
      <QrCode className={classes(styles.qr)} label={security.qr} text={enrolled.uri} />
      <div>
        <p className={styles.note}>{security.secret}</p>
        <p className={styles.secret}>{enrolled.secret}</p>
      </div>
      <Field
        label={security.code}
        missing={required}
        value={code}
        onChange={setCode}
        inputMode="numeric"
        autoComplete="one-time-code"
        isRequired
        autoFocus
      />
    </Step>
  );
}

/** The password and a name; then the browser creates the passkey. */
export function AddPasskey({ store, onDone, onCancel }: AddProps) {
  const { security, required } = useTexts('settings');
  const [password, setPassword] = useState('');
  const [name, setName] = useState('');
  const { busy, problem, run } = useTask();
  const add = async (): Promise<Problem | undefined> => {
    const answer = await store.addPasskey(password, name.trim());
    if (answer.value !== undefined) onDone(answer.value);
    return answer.problem;
  };
  return (
    <Step
      submit={security.next}
      busy={busy}
      problem={problem}
      onSubmit={() => void run(add)}
      onCancel={onCancel}
    >
      <PasswordField value={password} onChange={setPassword} />
      <Field
        label={security.passkeyName}
        missing={required}
        value={name}
        onChange={setName}
        maxLength={100}
        isRequired
      />
      <p className={styles.note}>{security.passkeyNameNote}</p>
    </Step>
  );
}

interface RemoveProps {
  readonly factor: SecondFactor;
  readonly store: SecurityStore;
  readonly onDone: () => void;
}

export function RemoveFactor({ factor, store, onDone }: RemoveProps) {
  const { security } = useTexts('settings');
  const [password, setPassword] = useState('');
  const { busy, problem, run } = useTask();
  return (
    <Step
      submit={security.removeTitle(factorName(factor, security.kind))}
      busy={busy}
      problem={problem}
      onSubmit={() => {
        void run(() => store.removeFactor(factor.id, password)).then((isDone) => {
          if (isDone) onDone();
        });
      }}
      onCancel={onDone}
    >
      <PasswordField value={password} onChange={setPassword} />
    </Step>
  );
}
