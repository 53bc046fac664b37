import { useEffect, useState } from 'react';

import { Button } from '@/components/button';
import { Icon } from '@/components/icon';
import type { SessionInfo } from '@/gen/plexus/directory/v1/session_service_pb';
import { useCell } from '@/kit/cell';
import { useNow } from '@/kit/now';
import { plainName } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { SessionsStore } from '@/stores/account/sessions';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';

import { NewTokenForm } from './new-token-form';
import { Awaited, CopyButton, ProblemNote } from './parts';
import styles from './settings.module.css';
import { useTask } from './use-task';

/** API tokens with which apps act as the user. */
export function Tokens() {
  const { tokens } = useTexts('settings');
  const store = storeOf(useWorkspace(), SessionsStore);
  const known = useCell(store.sessions);
  const loading = useCell(store.problem);
  const [isMaking, setMaking] = useState(false);
  const [secret, setSecret] = useState('');
  const { busy, problem, run } = useTask();
  useEffect(() => void store.load(), [store]);
  if (known === undefined) return <Awaited problem={loading} onRetry={() => void store.load()} />;
  const all = known.filter((session) => session.apiToken !== undefined);
  return (
    <section className={styles.panel}>
      <p className={styles.note}>{tokens.lead}</p>
      {secret === '' ? null : <Secret secret={secret} onDone={() => setSecret('')} />}
      {all.length === 0 ? (
        <p>{tokens.none}</p>
      ) : (
        <ul className={styles.items} aria-label={tokens.list}>
          {all.map((session) => (
            <li key={session.sessionId}>
              <Token
                session={session}
                isDisabled={busy}
                onRevoke={() => void run(() => store.revoke(session.sessionId))}
              />
            </li>
          ))}
        </ul>
      )}
      <ProblemNote problem={problem} />
      {isMaking ? (
        <NewTokenForm
          store={store}
          onDone={(made) => {
            setSecret(made);
            setMaking(false);
          }}
          onCancel={() => setMaking(false)}
        />
      ) : (
        <div className={styles.buttons}>
          <Button onPress={() => setMaking(true)}>{tokens.create}</Button>
        </div>
      )}
    </section>
  );
}

interface TokenProps {
  readonly session: SessionInfo;
  readonly isDisabled: boolean;
  readonly onRevoke: () => void;
}

function Token({ session, isDisabled, onRevoke }: TokenProps) {
  const { tokens } = useTexts('settings');
  const { format } = useLanguage();
  const now = useNow();
  const name = plainName(session.apiToken?.name ?? '');
  const used = milliseconds(session.lastUsedAt);
  const scopes = session.apiToken?.scopes ?? [];
  return (
    <div className={styles.item}>
      <Icon name="key" size={20} />
      <div className={styles.words}>
        <bdi className={styles.name}>{name}</bdi>
        <p>{scopes.map((scope) => tokens.scope[scope] ?? scope).join(' · ')}</p>
        <p>
          {tokens.until(format.date(milliseconds(session.expiresAt)))}
          {' · '}
          {used === 0 ? tokens.neverUsed : tokens.used(format.recent(used, now))}
        </p>
      </div>
      <Button aria-label={tokens.revokeOf(name)} isDisabled={isDisabled} onPress={onRevoke}>
        {tokens.revoke}
      </Button>
    </div>
  );
}

interface SecretProps {
  readonly secret: string;
  readonly onDone: () => void;
}

/** The secret of a new token, shown only once. */
function Secret({ secret, onDone }: SecretProps) {
  const { tokens, done } = useTexts('settings');
  return (
    <div className={styles.once} role="group" aria-label={tokens.created}>
      <h2>{tokens.created}</h2>
      <p>{tokens.createdNote}</p>
      <code className={styles.secret}>{secret}</code>
      <div className={styles.buttons}>
        <CopyButton text={secret} />
        <Button look="primary" onPress={onDone}>
          {done}
        </Button>
      </div>
    </div>
  );
}
