import { useMemo } from 'react';

import { readMarkdown } from '@/kit/markdown-read';
import { useMessages } from '@/messages/context';
import body from '@/scenes/timeline/body.module.css';
import { RichText } from '@/scenes/timeline/rich-text-view';

import styles from './composer.module.css';

/** Preview of the formatted message. */
export function Preview({ markdown }: { readonly markdown: string }) {
  const messages = useMessages();
  const written = useMemo(() => readMarkdown(markdown), [markdown]);
  return (
    <div
      className={styles.preview}
      role="region"
      tabIndex={0}
      aria-label={messages.composer.preview}
    >
      <div className={body.body} dir="auto">
        <RichText {...written} />
      </div>
    </div>
  );
}
