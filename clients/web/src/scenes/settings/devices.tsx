import { useEffect } from 'react';

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
import { useDevice, useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';

import { Awaited, ProblemNote } from './parts';
import styles from './settings.module.css';
import { useTask } from './use-task';

/** The open sessions of the user. */
export function Devices() {
  const { devices } = useTexts('settings');
  const device = useDevice();
  const store = storeOf(useWorkspace(), SessionsStore);
  const known = useCell(store.sessions);
  const loading = useCell(store.problem);
  const { busy, isDone, problem, run } = useTask();
  useEffect(() => void store.load(), [store]);
  if (known === undefined) return <Awaited problem={loading} onRetry={() => void store.load()} />;
  const sessions = known
    .filter((session) => session.apiToken === undefined)
    .sort((one, other) => Number(other.present) - Number(one.present));
  const end = (session: SessionInfo): void => {
    if (session.present) void device.session.signOut();
    else void run(() => store.revoke(session.sessionId));
  };
  return (
    <section className={styles.panel}>
      <p className={styles.note}>{devices.lead}</p>
      <ul className={styles.items} aria-label={devices.list}>
        {sessions.map((session) => (
          <li key={session.sessionId}>
            <Session session={session} isDisabled={busy} onEnd={() => end(session)} />
          </li>
        ))}
      </ul>
      <ProblemNote problem={problem} />
      <div className={styles.buttons}>
        <Button
          isDisabled={busy || sessions.length < 2}
          onPress={() => void run(() => store.revokeOthers())}
        >
          {devices.endOthers}
        </Button>
        <span role="status" className={styles.said}>
          {isDone ? devices.ended : ''}
        </span>
      </div>
    </section>
  );
}

interface Props {
  readonly session: SessionInfo;
  readonly isDisabled: boolean;
  readonly onEnd: () => void;
}

function Session({ session, isDisabled, onEnd }: Props) {
  const { devices } = useTexts('settings');
  const { format } = useLanguage();
  const now = useNow();
  const name = plainName(session.device) || devices.unknown;
  const used = milliseconds(session.lastUsedAt);
  const facts = [
    devices.since(format.recent(milliseconds(session.createdAt), now)),
    used === 0 ? '' : devices.used(format.recent(used, now)),
    session.secondFactor ? devices.secondFactor : '',
    session.singleSignOn === '' ? '' : devices.singleSignOn(plainName(session.singleSignOn)),
  ];
  return (
    <div className={styles.item}>
      <Icon name={/android|iphone|phone/iu.test(name) ? 'phone' : 'device'} size={20} />
      <div className={styles.words}>
        <bdi className={styles.name}>{name}</bdi>
        {session.present ? <span className={styles.tag}>{devices.current}</span> : null}
        <p>{facts.filter((fact) => fact !== '').join(' · ')}</p>
      </div>
      <Button aria-label={devices.endOf(name)} isDisabled={isDisabled} onPress={onEnd}>
        {devices.end}
      </Button>
    </div>
  );
}
