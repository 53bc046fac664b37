import { useState } from 'react';
import { Form } from 'react-aria-components';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { Field } from '@/components/field';
import type { SecondFactorChallenge } from '@/gen/plexus/directory/v1/session_service_pb';
import { classes } from '@/kit/classes';
import { PasskeyCancelled, signWithPasskey } from '@/kit/passkeys';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useDevice } from '@/stores/context';
import { offeredBy, type CodeKind } from '@/stores/session';

import styles from './sign-in.module.css';
import { useAttempt } from './use-attempt';

const CANCELLED: Problem = { kind: 'refused', reason: 'PASSKEY_NOT_USED', retryAfterMs: 0 };

/** The second step: a passkey, a code of the app, or a recovery code. */
export function CodeForm({ challenge }: { readonly challenge: SecondFactorChallenge }) {
  const messages = useMessages();
  const { session } = useDevice();
  const kinds = offeredBy(challenge);
  const [kind, setKind] = useState<CodeKind>(kinds[0] ?? 'recovery');
  const [code, setCode] = useState('');
  const { busy, problem, attempt } = useAttempt();
  const text = messages.signIn;
  const isTotp = kind === 'totp';
  const leads = { passkey: text.passkeyLead, totp: text.codeLead, recovery: text.recoveryLead };
  const others = { passkey: text.usePasskey, totp: text.useCode, recovery: text.useRecovery };

  async function answer(): Promise<Problem | undefined> {
    if (kind !== 'passkey') return session.answer(kind, code);
    try {
      return await session.answer(kind, await signWithPasskey(challenge.passkeyOptionsJson));
    } catch (error) {
      if (error instanceof PasskeyCancelled) return CANCELLED;
      throw error;
    }
  }

  return (
    <>
      <h1>{text.codeTitle}</h1>
      <p className={styles.lead}>{leads[kind]}</p>
      <Form
        className={classes(styles.form)}
        onSubmit={(event) => {
          event.preventDefault();
          void attempt(answer);
        }}
      >
        {kind === 'passkey' ? null : (
          <Field
            key={kind}
            label={isTotp ? text.code : text.recoveryCode}
            missing={text.required}
            value={code}
            onChange={setCode}
            inputMode={isTotp ? 'numeric' : 'text'}
            autoComplete="one-time-code"
            isRequired
            autoFocus
          />
        )}
        {problem === undefined ? null : (
          <p role="alert" className={styles.problem}>
            {problemText(problem, messages)}
          </p>
        )}
        <Button type="submit" look="primary" isDisabled={busy} autoFocus={kind === 'passkey'}>
          {busy ? text.submitting : kind === 'passkey' ? text.usePasskey : text.verify}
        </Button>
        <div className={styles.below}>
          <Button look="plain" onPress={() => session.cancel()}>
            {text.back}
          </Button>
          {kinds
            .filter((other) => other !== kind)
            .map((other) => (
              <Button key={other} look="plain" onPress={() => setKind(other)}>
                {others[other]}
              </Button>
            ))}
        </div>
      </Form>
    </>
  );
}
