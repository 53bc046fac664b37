import { useState } from 'react';

import { Button, IconButton } from '@/components/button';
import { TextInput } from '@/components/inputs';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';
import type { Target } from '@/stores/view';

import styles from './sending.module.css';
import { FormWindow } from './window';

const MAX_LABEL = 50;

/** Dialog that adds labels to a message, visible to every member. */
export function Labels({ target }: { readonly target: Target }) {
  const { conversations } = useWorkspace();
  const log = conversations.get(target.conversationId);
  return log === undefined ? null : <Form log={log} seq={target.seq} />;
}

function Form({ log, seq }: { readonly log: ConversationLog; readonly seq: number }) {
  const texts = useTexts('sending');
  const { messages: store, view } = useWorkspace();
  useCell(log.version);
  const [name, setName] = useState('');
  const held = log.get(seq);
  const message = held?.whole;
  const labels = held?.parts.labels ?? [];
  const wanted = plainName(name);
  const close = (): void => view.labelling.set(undefined);

  async function add(): Promise<void> {
    if (message === undefined || wanted === '') return;
    if (await store.label(message, { add: [wanted] })) setName('');
  }

  return (
    <FormWindow
      title={texts.labels.title}
      problem={undefined}
      onSubmit={() => void add()}
      onClose={close}
      buttons={<Button onPress={close}>{texts.close}</Button>}
    >
      <p className={styles.note}>{labels.length === 0 ? texts.labels.none : texts.labels.note}</p>
      <ul className={styles.chips} aria-label={texts.labels.current} hidden={labels.length === 0}>
        {labels.map((label) => (
          <li key={label} className={styles.chip}>
            <bdi>{label}</bdi>
            <IconButton
              icon="close"
              label={texts.labels.remove(label)}
              small
              onPress={() => {
                if (message !== undefined) void store.label(message, { remove: [label] });
              }}
            />
          </li>
        ))}
      </ul>
      <div className={styles.row}>
        <div className={styles.grow}>
          <TextInput
            label={texts.labels.name}
            value={name}
            onChange={setName}
            maxLength={MAX_LABEL}
            autoFocus
          />
        </div>
        <Button type="submit" look="primary" isDisabled={wanted === ''}>
          {texts.labels.add}
        </Button>
      </div>
    </FormWindow>
  );
}
