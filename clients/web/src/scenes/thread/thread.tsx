import { useEffect, useRef } from 'react';

import { SidePanel } from '@/components/side-panel';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { Composer } from '@/scenes/composer/composer';
import { MessageRow } from '@/scenes/timeline/message-row';
import { PendingRow } from '@/scenes/timeline/pending-row';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './thread.module.css';

interface Props {
  readonly log: ConversationLog;
  readonly root: number;
  readonly onClose: () => void;
}

/** A thread in a panel beside its conversation. */
export function Thread({ log, root, onClose }: Props) {
  const messages = useMessages();
  const { history, outbox } = useWorkspace();
  useCell(log.version);
  const pending = useCell(outbox.pending).filter(
    (one) => one.conversationId === log.id && one.replyToSeq === root,
  );
  const end = useRef<HTMLDivElement>(null);
  const held = log.thread(root);
  const count = held.length + pending.length;

  useEffect(() => {
    history.thread(log, root);
  }, [history, log, root]);
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'end' });
  }, [count]);

  const stored = new Set(held.map(({ whole }) => whole?.requestId));
  return (
    <SidePanel title={messages.thread.title} close={messages.thread.close} onClose={onClose}>
      <div
        className={styles.messages}
        role="region"
        tabIndex={0}
        aria-label={messages.thread.label}
      >
        {held.map((one) => (
          <div key={one.seq} className={one.seq === root ? styles.root : undefined}>
            <MessageRow log={log} held={one} joined={false} onThread={() => undefined} inThread />
          </div>
        ))}
        {pending
          .filter((one) => !stored.has(one.requestId))
          .map((one) => (
            <PendingRow key={one.requestId} pending={one} joined={false} />
          ))}
        <div ref={end} />
      </div>
      <Composer log={log} root={root} />
    </SidePanel>
  );
}
