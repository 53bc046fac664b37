import { useState } from 'react';
import { Form } from 'react-aria-components';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { Check } from '@/components/controls';
import { Field } from '@/components/field';
import { Select } from '@/components/inputs';
import { classes } from '@/kit/classes';
import { useTexts } from '@/messages/subjects';
import type { SessionsStore } from '@/stores/account/sessions';

import { ProblemNote } from './parts';
import styles from './settings.module.css';
import { useTask } from './use-task';

const DAYS = [7, 30, 90, 365];

interface Props {
  readonly store: SessionsStore;
  readonly onDone: (secret: string) => void;
  readonly onCancel: () => void;
}

/** Name, permissions and expiry of a new token. */
export function NewTokenForm({ store, onDone, onCancel }: Props) {
  const { tokens, required, cancel } = useTexts('settings');
  const [name, setName] = useState('');
  const [days, setDays] = useState(90);
  const [scopes, setScopes] = useState<readonly string[]>([]);
  const [isMissing, setMissing] = useState(false);
  const { busy, problem, run } = useTask();

  async function make(): Promise<Problem | undefined> {
    const answer = await store.createToken({ name: name.trim(), scopes, days });
    if (answer.value !== undefined) onDone(answer.value);
    return answer.problem;
  }

  return (
    <Form
      className={classes(styles.panel)}
      onSubmit={(event) => {
        event.preventDefault();
        setMissing(scopes.length === 0);
        if (scopes.length > 0) void run(make);
      }}
    >
      <div className={styles.form}>
        <Field
          label={tokens.name}
          missing={required}
          value={name}
          onChange={setName}
          maxLength={100}
          isRequired
          autoFocus
        />
        <p className={styles.note}>{tokens.nameNote}</p>
        <Select
          label={tokens.expires}
          value={`${days}`}
          options={DAYS.map((count) => ({ value: `${count}`, label: tokens.days(count) }))}
          onChange={(value) => setDays(Number(value))}
        />
      </div>
      <fieldset className={styles.days}>
        <legend>{tokens.scopes}</legend>
        <div className={styles.scopes}>
          {Object.entries(tokens.scope).map(([scope, label]) => (
            <Check
              key={scope}
              label={label}
              isOn={scopes.includes(scope)}
              onChange={(isOn) => {
                const others = scopes.filter((other) => other !== scope);
                setScopes(isOn ? [...others, scope] : others);
              }}
            />
          ))}
        </div>
      </fieldset>
      {isMissing && scopes.length === 0 ? (
        <p role="alert" className={styles.problem}>
          {tokens.scopesMissing}
        </p>
      ) : null}
      <ProblemNote problem={problem} />
      <div className={styles.buttons}>
        <Button type="submit" look="primary" isDisabled={busy}>
          {tokens.create}
        </Button>
        <Button onPress={onCancel}>{cancel}</Button>
      </div>
    </Form>
  );
}
