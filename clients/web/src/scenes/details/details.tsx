import { Suspense, useState } from 'react';

import { SidePanel } from '@/components/side-panel';
import { Skeleton } from '@/components/skeleton';
import { Tabs } from '@/components/tabs';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import type { ConversationLog } from '@/stores/log/log';

import { About } from './about';
import styles from './details.module.css';
import { Links } from './links';
import { Members } from './members';
import { Pins } from './pins';

interface Props {
  readonly log: ConversationLog;
  readonly onClose: () => void;
  /** Go to a message of the conversation. */
  readonly onJump: (seq: number) => void;
}

/** The panel with the details of a conversation, beside its messages. */
export function Details(props: Props) {
  const messages = useMessages();
  return (
    <Suspense fallback={<Skeleton label={messages.starting.loading} />}>
      <Loaded {...props} />
    </Suspense>
  );
}

function Loaded({ log, onClose, onJump }: Props) {
  const texts = useTexts('details');
  const [tab, setTab] = useState('about');
  useCell(log.version);
  const isGroup = log.view.peerId === '';
  const tabs = (['about', 'members', 'pins', 'links'] as const)
    .filter((id) => isGroup || id !== 'members')
    .map((id) => ({ id, label: texts[id] }));
  return (
    <SidePanel title={texts.title} close={texts.close} focusClose onClose={onClose}>
      <div className={styles.tabs}>
        <Tabs label={texts.tabs} tabs={tabs} selected={tab} onSelect={setTab} />
      </div>
      <div className={styles.content} role="region" tabIndex={0} aria-label={labelOf(tab, tabs)}>
        {tab === 'about' ? <About log={log} /> : null}
        {tab === 'members' ? <Members log={log} /> : null}
        {tab === 'pins' ? <Pins log={log} onJump={onJump} /> : null}
        {tab === 'links' ? <Links log={log} onJump={onJump} /> : null}
      </div>
    </SidePanel>
  );
}

function labelOf(
  tab: string,
  tabs: readonly { readonly id: string; readonly label: string }[],
): string {
  return tabs.find(({ id }) => id === tab)?.label ?? '';
}
