import { useRef, useState } from 'react';

import type { Problem } from '@/api/problems';
import { Avatar } from '@/components/avatar';
import { Button } from '@/components/button';
import { TextArea, TextInput } from '@/components/inputs';
import { useCell } from '@/kit/cell';
import { randomId } from '@/kit/ids';
import { byCharacters } from '@/kit/pinyin';
import { excerpt } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { nameOf, personName } from '@/scenes/conversations/naming';
import { useMatcher } from '@/scenes/people/use-matcher';
import { useWorkspace } from '@/stores/context';
import { ForwardingStore } from '@/stores/forwarding';
import { storeOf } from '@/stores/lazy';
import type { Target } from '@/stores/view';

import styles from './sending.module.css';
import { FormWindow } from './window';

const MAX_SHOWN = 30;
const SHOWN = 160;

/** Dialog that forwards a message to another conversation. */
export function Forward({ target }: { readonly target: Target }) {
  const texts = useTexts('sending');
  const messages = useMessages();
  const workspace = useWorkspace();
  const { conversations, people, view } = workspace;
  const store = storeOf(workspace, ForwardingStore);
  const requestId = useRef(randomId());
  const list = useCell(conversations.list);
  useCell(people.version);
  const matcher = useMatcher() ?? byCharacters;
  const [query, setQuery] = useState('');
  const [to, setTo] = useState('');
  const [comment, setComment] = useState('');
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const message = conversations.get(target.conversationId)?.get(target.seq)?.whole;
  const wanted = query.trim();
  const found = list
    .map((log) => ({ log, name: nameOf(log, people, messages) }))
    .filter(({ log, name }) => log.id === to || wanted === '' || matcher(name, wanted))
    .slice(0, MAX_SHOWN);
  const close = (): void => view.forwarding.set(undefined);

  async function submit(): Promise<void> {
    const chosen = conversations.get(to);
    if (chosen === undefined) return;
    const refused = await store.forward(target, {
      conversationId: to,
      comment: comment.trim(),
      requestId: requestId.current,
    });
    setProblem(refused);
    // Another conversation needs another request id.
    requestId.current = randomId();
    if (refused !== undefined) return;
    close();
    view.notify(texts.forward.done(nameOf(chosen, people, messages)), true);
  }

  return (
    <FormWindow
      title={texts.forward.title}
      problem={problem}
      onSubmit={() => void submit()}
      onClose={close}
      buttons={
        <>
          <Button onPress={close}>{texts.cancel}</Button>
          <Button type="submit" look="primary" isDisabled={to === ''}>
            {texts.forward.submit}
          </Button>
        </>
      }
    >
      {message === undefined ? null : (
        <blockquote className={styles.quote}>
          <bdi>{personName(message.senderId, people, messages)}</bdi>:{' '}
          {excerpt(message.text, SHOWN) || messages.timeline.attachment}
        </blockquote>
      )}
      <TextInput
        label={texts.forward.find}
        placeholder={texts.forward.findHint}
        value={query}
        onChange={setQuery}
        autoFocus
      />
      {found.length === 0 ? <p role="status">{texts.forward.none}</p> : null}
      <fieldset className={styles.targets} hidden={found.length === 0}>
        <legend className="visually-hidden">{texts.forward.to}</legend>
        {found.map(({ log, name }) => (
          <label key={log.id} className={styles.target}>
            <input
              type="radio"
              name="target"
              checked={log.id === to}
              onChange={() => setTo(log.id)}
            />
            <Avatar
              id={log.view.peerId || log.id}
              name={name}
              group={log.view.peerId === ''}
              small
            />
            <bdi>{name}</bdi>
          </label>
        ))}
      </fieldset>
      <TextArea label={texts.forward.comment} value={comment} onChange={setComment} rows={2} />
    </FormWindow>
  );
}
