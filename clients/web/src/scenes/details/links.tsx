import { useEffect, useMemo } from 'react';

import { Button } from '@/components/button';
import { useCell } from '@/kit/cell';
import { linksOf } from '@/kit/shared-links';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './details.module.css';

interface Props {
  readonly log: ConversationLog;
  readonly onJump: (seq: number) => void;
}

/**
 * Links and attachments of the messages loaded in this browser, newest first. The server stores no
 * list of them, so older ones appear when older messages are loaded.
 */
export function Links({ log, onJump }: Props) {
  const texts = useTexts('details');
  const { messages, format } = useLanguage();
  const { people, history } = useWorkspace();
  const version = useCell(log.version);
  useCell(people.version);
  const part = log.stretches.around(log.lastSeq);
  const held = useMemo(
    () => (part === undefined ? [] : log.between(part.from, part.to)),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the log changes in place
    [log, part, version],
  );
  const shared = useMemo(
    () =>
      [...held]
        .reverse()
        .flatMap(({ whole }) =>
          whole === undefined || whole.recalled
            ? []
            : linksOf(whole).map((link) => ({ ...link, message: whole })),
        ),
    [held],
  );

  useEffect(() => history.tail(log), [history, log]);

  return (
    <div className={styles.about}>
      <p className={styles.note}>{texts.linksHeld(held.length)}</p>
      {shared.length === 0 ? <p role="status">{texts.noLinks}</p> : null}
      <ul className={styles.entries} aria-label={texts.linkList} hidden={shared.length === 0}>
        {shared.map(({ address, label, message }) => (
          <li key={`${message.id}:${address}`} className={styles.entry}>
            <a href={address} target="_blank" rel="noopener noreferrer">
              <bdi>{label}</bdi>
            </a>
            <p className={styles.address}>{address}</p>
            <div className={styles.foot}>
              <span className={styles.note}>
                <bdi>{personName(message.senderId, people, messages)}</bdi> ·{' '}
                {format.full(milliseconds(message.sentAt))}
              </span>
              <Button look="plain" onPress={() => onJump(Number(message.seq))}>
                {texts.open}
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {part !== undefined && part.from > 1 ? (
        <Button onPress={() => history.older(log, part.from)}>{texts.older}</Button>
      ) : null}
    </div>
  );
}
