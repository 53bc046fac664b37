import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';

import { problemOf, type Problem } from '@/api/problems';
import { Avatar } from '@/components/avatar';
import { Button, IconButton } from '@/components/button';
import { Dialog } from '@/components/dialog';
import { Skeleton } from '@/components/skeleton';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { directWith } from '@/stores/conversations/direct';

import { CardFacts } from './card-facts';
import styles from './card.module.css';
import { Marks } from './marks';
import { PresenceLabel } from './presence-label';
import { usePresence } from './use-presence';

/** The card of a person: profile, availability, and a way to write to them. */
export function PersonCard({ id }: { readonly id: string }) {
  const texts = useTexts('people');
  const { people, view } = useWorkspace();
  useCell(people.version);
  const person = people.get(id);
  const close = (): void => view.card.set('');
  const name = person === undefined ? '' : plainName(person.displayName);
  return (
    <Dialog label={texts.card.label(name)} isOpen onClose={close}>
      <Content id={id} onClose={close} />
    </Dialog>
  );
}

function Content({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const texts = useTexts('people');
  const messages = useMessages();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const { people, personId } = workspace;
  useCell(people.version);
  const person = people.get(id);
  const presence = usePresence([id]).get(id);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const isMissing = useIsMissing(person === undefined);

  async function write(): Promise<void> {
    setProblem(undefined);
    try {
      const conversationId = await directWith(id, workspace);
      onClose();
      await navigate({ to: '/c/$conversationId', params: { conversationId }, search: {} });
    } catch (error) {
      setProblem(problemOf(error));
    }
  }

  return (
    <div className={styles.card}>
      <div className={styles.close}>
        <IconButton icon="close" label={texts.card.close} onPress={onClose} />
      </div>
      {person === undefined && !isMissing ? <Skeleton label={texts.loading} lines={3} /> : null}
      {isMissing ? <p className={styles.problem}>{texts.card.unknown}</p> : null}
      {person === undefined ? null : (
        <>
          <header className={styles.head}>
            <span className={styles.picture}>
              <Avatar id={id} name={person.displayName} />
            </span>
            <div className={styles.names}>
              <h2>
                <bdi>{plainName(person.displayName)}</bdi>
              </h2>
              <p className={styles.line}>
                <PresenceLabel presence={presence} />
                <Marks person={person} />
              </p>
            </div>
          </header>
          <CardFacts person={person} />
          {problem === undefined ? null : (
            <p role="alert" className={styles.problem}>
              {problemText(problem, messages, texts.reasons)}
            </p>
          )}
          <footer className={styles.foot}>
            {id === personId ? (
              <p className={styles.note}>{texts.card.you}</p>
            ) : (
              <Button look="primary" autoFocus onPress={() => void write()}>
                {texts.card.message}
              </Button>
            )}
          </footer>
        </>
      )}
    </div>
  );
}

const MISSING_MS = 5_000;

/** Return whether fetched data has not arrived within the expected time. */
function useIsMissing(isAwaited: boolean): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    if (!isAwaited) return undefined;
    const timer = setTimeout(() => setOver(true), MISSING_MS);
    return () => clearTimeout(timer);
  }, [isAwaited]);
  return isAwaited && isOver;
}
