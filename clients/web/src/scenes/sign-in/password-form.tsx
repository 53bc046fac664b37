import { useState } from 'react';
import { Form } from 'react-aria-components';

import { Button } from '@/components/button';
import { Field } from '@/components/field';
import { classes } from '@/kit/classes';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useDevice } from '@/stores/context';

import styles from './sign-in.module.css';
import { useAttempt } from './use-attempt';

export function PasswordForm() {
  const messages = useMessages();
  const { session } = useDevice();
  const [handle, setHandle] = useState('');
  const [password, setPassword] = useState('');
  const { busy, problem, attempt } = useAttempt();
  const text = messages.signIn;
  return (
    <Form
      className={classes(styles.form)}
      onSubmit={(event) => {
        event.preventDefault();
        void attempt(() => session.signIn(handle.trim(), password));
      }}
    >
      <Field
        label={text.handle}
        missing={text.required}
        value={handle}
        onChange={setHandle}
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        isRequired
        autoFocus
      />
      <Field
        label={text.password}
        missing={text.required}
        value={password}
        onChange={setPassword}
        name="password"
        type="password"
        autoComplete="current-password"
        isRequired
      />
      {problem === undefined ? null : (
        <p role="alert" className={styles.problem}>
          {problemText(problem, messages)}
        </p>
      )}
      <Button type="submit" look="primary" isDisabled={busy}>
        {busy ? text.submitting : text.submit}
      </Button>
    </Form>
  );
}
