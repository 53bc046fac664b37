import { useMemo } from 'react';

import { Avatar } from '@/components/avatar';
import { Button } from '@/components/button';
import { Icon } from '@/components/icon';
import { classes } from '@/kit/classes';
import { readMarkdown } from '@/kit/markdown-read';
import { useLanguage } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { Pending } from '@/stores/outbox';

import body from './body.module.css';
import styles from './message.module.css';
import { RichText } from './rich-text-view';

/** A message being sent, shown at once with its state. */
export function PendingRow({
  pending,
  joined,
}: {
  readonly pending: Pending;
  readonly joined: boolean;
}) {
  const { messages, format } = useLanguage();
  const { people, personId } = useWorkspace();
  const written = useMemo(() => readMarkdown(pending.markdown), [pending.markdown]);
  const name = personName(personId, people, messages);
  return (
    <article className={classes(styles.message, joined && styles.joined)} tabIndex={-1}>
      {joined ? <span /> : <Avatar id={personId} name={name} />}
      <div className={styles.content}>
        {joined ? null : (
          <div className={styles.head}>
            <bdi className={styles.sender}>{name}</bdi>
            <span className={styles.note}>{format.time(pending.writtenAt)}</span>
          </div>
        )}
        <div className={body.body} dir="auto">
          <RichText {...written} />
        </div>
        <State pending={pending} />
      </div>
    </article>
  );
}

function State({ pending }: { readonly pending: Pending }) {
  const { messages } = useLanguage();
  const { outbox } = useWorkspace();
  const text = messages.timeline;
  if (pending.state === 'failed') {
    return (
      <div className={classes(styles.state, styles.failed)} role="alert">
        <Icon name="warning" size={14} />
        <span>
          {text.failed} ·{' '}
          {pending.problem === undefined ? '' : problemText(pending.problem, messages)}
        </span>
        <Button look="plain" onPress={() => outbox.retry(pending.requestId)}>
          {text.retry}
        </Button>
        <Button look="plain" onPress={() => outbox.discard(pending.requestId)}>
          {text.discard}
        </Button>
      </div>
    );
  }
  if (pending.state === 'sent') return null;
  return (
    <div className={styles.state}>
      <Icon name="clock" size={13} />
      {pending.state === 'waiting' ? text.waiting : text.sending}
    </div>
  );
}
