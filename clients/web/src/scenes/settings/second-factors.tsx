import { useEffect, useState } from 'react';

import { Button } from '@/components/button';
import { Icon } from '@/components/icon';
import { SecondFactorKind, type SecondFactor } from '@/gen/plexus/directory/v1/session_service_pb';
import { useCell } from '@/kit/cell';
import { useNow } from '@/kit/now';
import { hasPasskeys } from '@/kit/passkeys';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { SecurityStore } from '@/stores/account/security';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';

import { factorName } from './factor-name';
import { AddPasskey, AddTotp, RemoveFactor } from './factor-steps';
import { Awaited, CopyButton, Panel } from './parts';
import styles from './settings.module.css';

type Doing =
  | { readonly step: 'nothing' }
  | { readonly step: 'totp' }
  | { readonly step: 'passkey' }
  | { readonly step: 'remove'; readonly factor: SecondFactor };

const NOTHING: Doing = { step: 'nothing' };

/** One-time codes and passkeys in addition to the password. */
export function SecondFactors() {
  const { security } = useTexts('settings');
  const store = storeOf(useWorkspace(), SecurityStore);
  const known = useCell(store.factors);
  const problem = useCell(store.problem);
  const [doing, setDoing] = useState<Doing>(NOTHING);
  const [codes, setCodes] = useState<readonly string[]>([]);
  useEffect(() => void store.load(), [store]);
  if (known === undefined) return <Awaited problem={problem} onRetry={() => void store.load()} />;
  const stop = (): void => setDoing(NOTHING);
  const finish = (recoveryCodes: readonly string[]): void => {
    setCodes(recoveryCodes);
    stop();
  };
  const hasTotp = known.factors.some(({ kind }) => kind === SecondFactorKind.TOTP);
  return (
    <Panel title={security.factors} note={security.factorsNote}>
      {known.factors.length === 0 ? <p>{security.none}</p> : null}
      <ul className={styles.items}>
        {known.factors.map((factor) => (
          <li key={factor.id}>
            <Factor factor={factor} onRemove={() => setDoing({ step: 'remove', factor })} />
            {doing.step === 'remove' && doing.factor.id === factor.id ? (
              <RemoveFactor factor={factor} store={store} onDone={stop} />
            ) : null}
          </li>
        ))}
      </ul>
      {known.factors.length === 0 ? null : (
        <p className={styles.note}>{security.recoveryLeft(known.recoveryCodesLeft)}</p>
      )}
      {codes.length === 0 ? null : <RecoveryCodes codes={codes} onDone={() => setCodes([])} />}
      {doing.step === 'totp' ? <AddTotp store={store} onDone={finish} onCancel={stop} /> : null}
      {doing.step === 'passkey' ? (
        <AddPasskey store={store} onDone={finish} onCancel={stop} />
      ) : null}
      {doing.step === 'nothing' && codes.length === 0 ? (
        <div className={styles.buttons}>
          {hasTotp ? null : (
            <Button onPress={() => setDoing({ step: 'totp' })}>{security.addTotp}</Button>
          )}
          {hasPasskeys() ? (
            <Button onPress={() => setDoing({ step: 'passkey' })}>{security.addPasskey}</Button>
          ) : (
            <span className={styles.note}>{security.noPasskeys}</span>
          )}
        </div>
      ) : null}
    </Panel>
  );
}

interface FactorProps {
  readonly factor: SecondFactor;
  readonly onRemove: () => void;
}

function Factor({ factor, onRemove }: FactorProps) {
  const { security, remove } = useTexts('settings');
  const { format } = useLanguage();
  const now = useNow();
  const name = factorName(factor, security.kind);
  const used = milliseconds(factor.lastUsedAt);
  return (
    <div className={styles.item}>
      <Icon name={factor.kind === SecondFactorKind.PASSKEY ? 'key' : 'phone'} size={20} />
      <div className={styles.words}>
        <bdi className={styles.name}>{name}</bdi>
        <p>
          {security.added(format.recent(milliseconds(factor.createdAt), now))}
          {' · '}
          {used === 0 ? security.neverUsed : security.used(format.recent(used, now))}
        </p>
      </div>
      <Button aria-label={security.removeTitle(name)} onPress={onRemove}>
        {remove}
      </Button>
    </div>
  );
}

interface CodesProps {
  readonly codes: readonly string[];
  readonly onDone: () => void;
}

function RecoveryCodes({ codes, onDone }: CodesProps) {
  const { security } = useTexts('settings');
  return (
    <div className={styles.once} role="group" aria-label={security.recovery}>
      <h3>{security.recovery}</h3>
      <p>{security.recoveryNote}</p>
      <ul className={styles.codes}>
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className={styles.buttons}>
        <Button look="primary" onPress={onDone}>
          {security.recoverySaved}
        </Button>
        <CopyButton text={codes.join('\n')} />
      </div>
    </div>
  );
}
