import { useCallback, useEffect, useState } from 'react';

import { problemOf, type Problem } from '@/api/problems';
import { Button, IconButton } from '@/components/button';
import { Dialog } from '@/components/dialog';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { MessageInfoStore, type Receipts as Page } from '@/stores/message-info';
import type { MessageVersion } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import type { Asked } from '@/stores/view';

import styles from './message-info.module.css';
import { ReceiptList } from './receipt-list';
import { VersionList } from './version-list';

/** Receipts or earlier versions of a message. */
export function MessageInfo({ asked }: { readonly asked: Asked }) {
  const texts = useTexts('messageInfo');
  const { view } = useWorkspace();
  const close = (): void => view.info.set(undefined);
  const title = asked.about === 'receipts' ? texts.receipts : texts.versions;
  return (
    <Dialog label={title} isOpen onClose={close}>
      <div className={styles.info}>
        <header className={styles.head}>
          <h2>{title}</h2>
          <IconButton icon="close" label={texts.close} autoFocus onPress={close} />
        </header>
        {asked.about === 'receipts' ? <Receipts asked={asked} /> : <Versions asked={asked} />}
      </div>
    </Dialog>
  );
}

function Receipts({ asked: { conversationId, seq } }: { readonly asked: Asked }) {
  const store = storeOf(useWorkspace(), MessageInfoStore);
  const [page, setPage] = useState<Page | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const load = useCallback(
    (before: Page | undefined): void => {
      store.receipts(conversationId, seq, before?.nextPageToken ?? '').then(
        (next) => {
          setProblem(undefined);
          setPage({ ...next, receipts: [...(before?.receipts ?? []), ...next.receipts] });
        },
        (error: unknown) => setProblem(problemOf(error)),
      );
    },
    [store, conversationId, seq],
  );
  useEffect(() => load(undefined), [load]);
  if (problem !== undefined) return <Failed problem={problem} onRetry={() => load(page)} />;
  if (page === undefined) return <Loading />;
  return <ReceiptList page={page} onMore={() => load(page)} />;
}

function Versions({ asked: { conversationId, seq } }: { readonly asked: Asked }) {
  const store = storeOf(useWorkspace(), MessageInfoStore);
  const [versions, setVersions] = useState<readonly MessageVersion[] | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const load = useCallback((): void => {
    store.versions(conversationId, seq).then(
      (all) => {
        setProblem(undefined);
        setVersions(all);
      },
      (error: unknown) => setProblem(problemOf(error)),
    );
  }, [store, conversationId, seq]);
  useEffect(() => load(), [load]);
  if (problem !== undefined) return <Failed problem={problem} onRetry={load} />;
  if (versions === undefined) return <Loading />;
  return <VersionList versions={versions} />;
}

function Loading() {
  const texts = useTexts('messageInfo');
  return (
    <p className={styles.note} role="status">
      {texts.loading}
    </p>
  );
}

interface FailedProps {
  readonly problem: Problem;
  readonly onRetry: () => void;
}

function Failed({ problem, onRetry }: FailedProps) {
  const texts = useTexts('messageInfo');
  const messages = useMessages();
  return (
    <div className={styles.problem} role="alert">
      <p>{problemText(problem, messages, texts.reasons)}</p>
      <Button onPress={onRetry}>{texts.retry}</Button>
    </div>
  );
}
