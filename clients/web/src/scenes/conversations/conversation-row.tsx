import { Link } from '@tanstack/react-router';
import { memo, useEffect } from 'react';

import { Avatar } from '@/components/avatar';
import { Badge } from '@/components/badge';
import { Icon } from '@/components/icon';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { useNow } from '@/kit/now';
import { excerpt } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';
import { isMuted } from '@/stores/log/settings';

import styles from './conversation-list.module.css';
import { nameOf, personName } from './naming';

const SHOWN = 60;

interface Props {
  readonly log: ConversationLog;
  readonly isSelected: boolean;
}

/** A conversation in the list: name, last message or draft, unread counts. */
export const ConversationRow = memo(function ConversationRow({ log, isSelected }: Props) {
  const { messages, format } = useLanguage();
  const { people, drafts, history } = useWorkspace();
  const now = useNow();
  useCell(log.version);
  useCell(people.version);
  useCell(drafts.version);
  const last = log.last?.whole;
  useEffect(() => {
    if (last === undefined) history.tail(log, 1);
  }, [last, history, log]);

  const { unread, mentions } = log.counts;
  const isMarked = unread === 0 && log.view.settings?.markedUnread === true;
  const muted = isMuted(log, now);
  const draft = isSelected ? '' : drafts.text(log.id);
  const text = messages.conversations;
  return (
    <Link
      to="/c/$conversationId"
      params={{ conversationId: log.id }}
      className={classes(styles.row, unread > 0 && !muted && styles.unread)}
      aria-current={isSelected ? 'page' : undefined}
      draggable={false}
    >
      <Avatar
        id={log.view.peerId || log.id}
        name={nameOf(log, people, messages)}
        group={log.view.peerId === ''}
      />
      <span className={styles.words}>
        <span className={styles.line}>
          <span className={styles.name}>
            <bdi>{nameOf(log, people, messages)}</bdi>
          </span>
          {last === undefined ? null : (
            <span className={styles.time}>{format.recent(milliseconds(last.sentAt), now)}</span>
          )}
        </span>
        <span className={styles.line}>
          <span className={styles.last}>
            {draft === '' ? lastWords() : <Draft label={text.draft} text={excerpt(draft, SHOWN)} />}
          </span>
          {log.view.settings?.starred === true ? (
            <span className={styles.icon}>
              <Icon name="star" size={14} />
              <span className="visually-hidden">{text.starred}</span>
            </span>
          ) : null}
          {muted ? (
            <span className={styles.icon}>
              <Icon name="mute" size={14} />
              <span className="visually-hidden">{text.muted}</span>
            </span>
          ) : null}
          {isMarked ? (
            <span className={styles.mark}>
              <span className="visually-hidden">{text.marked}</span>
            </span>
          ) : null}
          {mentions > 0 ? (
            <Badge count={mentions} label={text.mentions(mentions)} prefix="@" />
          ) : null}
          {unread > 0 && mentions === 0 ? (
            <Badge count={unread} label={text.unread(unread)} quiet={muted} />
          ) : null}
        </span>
      </span>
    </Link>
  );

  function lastWords(): string {
    if (last === undefined) return '';
    if (last.recalled) return text.recalled;
    const words = excerpt(last.text, SHOWN) || messages.timeline.attachment;
    const isOwn = last.senderId === log.personId;
    if (log.view.peerId !== '' && !isOwn) return words;
    const name = isOwn ? text.you : personName(last.senderId, people, messages);
    return `${name}: ${words}`;
  }
});

function Draft({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <>
      <span className={styles.draft}>[{label}]</span> {text}
    </>
  );
}
