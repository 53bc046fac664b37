import { useState } from 'react';
import { Form } from 'react-aria-components';

import { Button } from '@/components/button';
import { Field } from '@/components/field';
import { classes } from '@/kit/classes';
import { useTexts } from '@/messages/subjects';
import { SecurityStore } from '@/stores/account/security';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';

import { Panel, ProblemNote } from './parts';
import { SecondFactors } from './second-factors';
import styles from './settings.module.css';
import { useTask } from './use-task';

export function Security() {
  return (
    <>
      <Password />
      <SecondFactors />
    </>
  );
}

function Password() {
  const texts = useTexts('settings');
  const { security, required } = texts;
  const store = storeOf(useWorkspace(), SecurityStore);
  const [old, setOld] = useState('');
  const [fresh, setFresh] = useState('');
  const [repeat, setRepeat] = useState('');
  const [differs, setDiffers] = useState(false);
  const { busy, isDone, problem, run } = useTask();

  async function submit(): Promise<void> {
    setDiffers(fresh !== repeat);
    if (fresh !== repeat) return;
    if (!(await run(() => store.setPassword(old, fresh)))) return;
    setOld('');
    setFresh('');
    setRepeat('');
  }

  return (
    <Panel title={security.password} note={security.passwordNote}>
      <Form
        className={classes(styles.form)}
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field
          label={security.old}
          missing={required}
          value={old}
          onChange={setOld}
          type="password"
          autoComplete="current-password"
          isRequired
        />
        <Field
          label={security.fresh}
          missing={required}
          value={fresh}
          onChange={setFresh}
          type="password"
          autoComplete="new-password"
          isRequired
        />
        <Field
          label={security.repeat}
          missing={required}
          value={repeat}
          onChange={setRepeat}
          type="password"
          autoComplete="new-password"
          isRequired
        />
        {differs ? (
          <p role="alert" className={styles.problem}>
            {security.differs}
          </p>
        ) : null}
        <ProblemNote problem={problem} reasons={{ INVALID_ARGUMENT: texts.weakPassword }} />
        <div className={styles.buttons}>
          <Button type="submit" isDisabled={busy}>
            {security.change}
          </Button>
          <span role="status" className={styles.said}>
            {isDone ? security.changed : ''}
          </span>
        </div>
      </Form>
    </Panel>
  );
}
