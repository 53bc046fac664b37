import { Avatar } from '@/components/avatar';
import { Button } from '@/components/button';
import type { Receipt } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { useCell } from '@/kit/cell';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { PersonButton } from '@/scenes/people/person-button';
import { useWorkspace } from '@/stores/context';
import type { Receipts } from '@/stores/message-info';

import styles from './message-info.module.css';

interface Props {
  readonly page: Receipts;
  readonly onMore: () => void;
}

/** Members who have read a message, with the time, and those who have not. */
export function ReceiptList({ page, onMore }: Props) {
  const texts = useTexts('messageInfo');
  const readers = page.receipts.filter(({ read }) => read);
  const others = page.receipts.filter(({ read }) => !read);
  return (
    <div className={styles.body}>
      {page.audience === 0 ? <p className={styles.note}>{texts.nobody}</p> : null}
      {page.countsOnly ? <p className={styles.note}>{texts.countsOnly}</p> : null}
      <h3>{texts.read(page.read)}</h3>
      <People receipts={readers} />
      <h3>{texts.unread(page.audience - page.read)}</h3>
      <People receipts={others} />
      {page.nextPageToken === '' ? null : (
        <Button look="plain" onPress={onMore}>
          {texts.more}
        </Button>
      )}
    </div>
  );
}

function People({ receipts }: { readonly receipts: readonly Receipt[] }) {
  const { messages, format } = useLanguage();
  const { people } = useWorkspace();
  useCell(people.version);
  return (
    <ul className={styles.people}>
      {receipts.map(({ personId, readAt }) => {
        const name = personName(personId, people, messages);
        const at = milliseconds(readAt);
        return (
          <li key={personId}>
            <Avatar id={personId} name={name} small />
            <PersonButton id={personId}>
              <bdi>{name}</bdi>
            </PersonButton>
            {at === 0 ? null : (
              <time className={styles.note} dateTime={new Date(at).toISOString()}>
                {format.full(at)}
              </time>
            )}
          </li>
        );
      })}
    </ul>
  );
}
