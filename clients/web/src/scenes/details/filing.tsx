import { useState } from 'react';

import { Button } from '@/components/button';
import { Dialog } from '@/components/dialog';
import { Select, TextInput } from '@/components/inputs';
import { plainName } from '@/kit/text';
import { useTexts } from '@/messages/subjects';
import { foldersOf } from '@/stores/conversations/filter';
import { useWorkspace } from '@/stores/context';

import styles from './details.module.css';

const MAX_FOLDER = 100;

/** Dialog that puts a conversation into a personal folder. */
export function Filing({ conversationId }: { readonly conversationId: string }) {
  const texts = useTexts('details');
  const { arranging, conversations, view } = useWorkspace();
  const log = conversations.get(conversationId);
  const folders = foldersOf(conversations.all);
  const [name, setName] = useState(log?.view.settings?.folder ?? '');
  const close = (): void => view.filing.set('');
  if (log === undefined) return null;
  return (
    <Dialog label={texts.folder.title} isOpen onClose={close}>
      <form
        className={styles.window}
        onSubmit={(event) => {
          event.preventDefault();
          void arranging.file(log, plainName(name));
          close();
        }}
      >
        <h2>{texts.folder.title}</h2>
        {folders.length === 0 ? null : (
          <Select
            label={texts.folder.choose}
            value={folders.includes(name) ? name : ''}
            options={[
              { value: '', label: texts.folder.none },
              ...folders.map((folder) => ({ value: folder, label: folder })),
            ]}
            onChange={setName}
          />
        )}
        <TextInput
          label={texts.folder.name}
          value={name}
          onChange={setName}
          maxLength={MAX_FOLDER}
          autoFocus
        />
        <div className={styles.buttons}>
          <Button onPress={close}>{texts.cancel}</Button>
          <Button type="submit" look="primary">
            {texts.folder.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
