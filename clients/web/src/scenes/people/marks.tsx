import {
  Person_Kind as Kind,
  Person_State as State,
  type Person,
} from '@/gen/plexus/directory/v1/people_pb';
import { useNow } from '@/kit/now';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';

import styles from './card.module.css';

/** Special states of a person: guest, app, deactivated, away. */
export function Marks({ person }: { readonly person: Person }) {
  const texts = useTexts('people');
  const { format } = useLanguage();
  const now = useNow();
  const { absence } = person;
  const isAway =
    absence !== undefined &&
    milliseconds(absence.startsAt) <= now &&
    now < milliseconds(absence.endsAt);
  return (
    <>
      {person.kind === Kind.GUEST ? <span className={styles.guest}>{texts.guest}</span> : null}
      {person.kind === Kind.SERVICE_ACCOUNT ? (
        <span className={styles.mark}>{texts.app}</span>
      ) : null}
      {person.state === State.DEACTIVATED ? (
        <span className={styles.mark}>{texts.deactivated}</span>
      ) : null}
      {isAway ? (
        <span className={styles.absent}>
          {texts.awayUntil(format.shortDate(milliseconds(absence.endsAt), now))}
        </span>
      ) : null}
    </>
  );
}
