import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';

import type { Problem } from '@/api/problems';
import { Button } from '@/components/button';
import { Confirm } from '@/components/confirm';
import { Choices, Toggle } from '@/components/controls';
import { TextArea, TextInput } from '@/components/inputs';
import {
  Conversation_History as History,
  Member_Role as Role,
} from '@/gen/plexus/messaging/v1/conversations_pb';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import type { ConversationLog } from '@/stores/log/log';
import { ManagingStore, type ConversationChange } from '@/stores/managing';
import { MembersStore } from '@/stores/members';

import styles from './details.module.css';
import { ProblemNote } from './problem-note';

const MAX_NAME = 200;
const MAX_TOPIC = 1000;

/** Name, topic and rules of a conversation, with the actions to leave and archive it. */
export function About({ log }: { readonly log: ConversationLog }) {
  const texts = useTexts('details');
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const managing = storeOf(workspace, ManagingStore);
  const members = storeOf(workspace, MembersStore);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const { conversation } = log;
  const isGroup = log.view.peerId === '';
  const mayManage = !isGroup || (log.view.member?.role ?? Role.MEMBER) >= Role.ADMIN;

  function change(wanted: ConversationChange): void {
    setProblem(undefined);
    void managing.update(log, wanted).then(setProblem);
  }

  async function leave(): Promise<void> {
    const refused = await members.leave(log);
    setProblem(refused);
    if (refused === undefined) await navigate({ to: '/' });
  }

  return (
    <div className={styles.about}>
      {isGroup && mayManage ? <Naming key={String(conversation.version)} log={log} /> : null}
      {isGroup ? <Facts log={log} isNamed={!mayManage} /> : null}
      {isGroup && mayManage ? (
        <HistoryChoice
          history={conversation.history}
          onChange={(history) => change({ history, expectedVersion: conversation.version })}
        />
      ) : null}
      <Toggle
        label={texts.confidential}
        note={texts.confidentialNote}
        isOn={conversation.confidential}
        isDisabled={!mayManage}
        onChange={(confidential) => change({ confidential })}
      />
      {mayManage ? null : <p className={styles.note}>{texts.managed}</p>}
      <ProblemNote problem={problem} />
      {conversation.archived ? <p role="status">{texts.archived}</p> : null}
      <div className={styles.foot}>
        {mayManage && conversation.archived ? (
          <Button onPress={() => change({ archived: false })}>{texts.restore}</Button>
        ) : null}
        {mayManage && !conversation.archived ? (
          <Confirm
            label={texts.archive}
            question={texts.archiveQuestion}
            cancel={texts.cancel}
            onConfirm={() => change({ archived: true })}
          />
        ) : null}
        {isGroup ? (
          <Confirm
            label={texts.leave}
            question={texts.leaveQuestion}
            cancel={texts.cancel}
            onConfirm={() => void leave()}
          />
        ) : null}
      </div>
    </div>
  );
}

function Naming({ log }: { readonly log: ConversationLog }) {
  const texts = useTexts('details');
  const managing = storeOf(useWorkspace(), ManagingStore);
  const { conversation } = log;
  const [name, setName] = useState(conversation.name);
  const [topic, setTopic] = useState(conversation.topic);
  const [error, setError] = useState<string | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const isChanged = name !== conversation.name || topic !== conversation.topic;

  async function save(): Promise<void> {
    const wanted = plainName(name);
    setError(wanted === '' ? texts.required : undefined);
    if (wanted === '') return;
    const change = { name: wanted, topic: plainName(topic), expectedVersion: conversation.version };
    setProblem(await managing.update(log, change));
  }

  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <TextInput
        label={texts.name}
        value={name}
        onChange={setName}
        maxLength={MAX_NAME}
        error={error}
      />
      <TextArea
        label={texts.topic}
        value={topic}
        onChange={setTopic}
        maxLength={MAX_TOPIC}
        rows={2}
      />
      <ProblemNote problem={problem} />
      {isChanged ? (
        <div className={styles.foot}>
          <Button type="submit" look="primary">
            {texts.save}
          </Button>
        </div>
      ) : null}
    </form>
  );
}

interface HistoryProps {
  readonly history: History;
  readonly onChange: (history: History) => void;
}

function HistoryChoice({ history, onChange }: HistoryProps) {
  const texts = useTexts('details');
  return (
    <div className={styles.form}>
      <Choices
        isLabelShown
        label={texts.history}
        options={[
          { value: String(History.SINCE_JOIN), label: texts.historySinceJoin },
          { value: String(History.ALL), label: texts.historyAll },
        ]}
        value={String(history)}
        onChange={(value) =>
          onChange(value === String(History.ALL) ? History.ALL : History.SINCE_JOIN)
        }
      />
      <p className={styles.note}>{texts.historyNote}</p>
    </div>
  );
}

function Facts({ log, isNamed }: { readonly log: ConversationLog; readonly isNamed: boolean }) {
  const texts = useTexts('details');
  const { messages, format } = useLanguage();
  const { people } = useWorkspace();
  useCell(people.version);
  const { name, topic, history, createdBy, createdAt } = log.conversation;
  const by = personName(createdBy, people, messages);
  return (
    <dl className={styles.facts}>
      {isNamed ? (
        <>
          <dt>{texts.name}</dt>
          <dd dir="auto">{plainName(name)}</dd>
          <dt>{texts.topic}</dt>
          <dd dir="auto">{plainName(topic)}</dd>
          <dt>{texts.history}</dt>
          <dd>{history === History.ALL ? texts.historyAll : texts.historySinceJoin}</dd>
        </>
      ) : null}
      <dt className="visually-hidden">{texts.about}</dt>
      <dd className={styles.note}>{texts.created(format.date(milliseconds(createdAt)), by)}</dd>
    </dl>
  );
}
