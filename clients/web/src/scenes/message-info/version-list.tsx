import type { MessageVersion } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';

import styles from './message-info.module.css';

/** The versions of a message, newest first, as plain text. */
export function VersionList({ versions }: { readonly versions: readonly MessageVersion[] }) {
  const texts = useTexts('messageInfo');
  const { format } = useLanguage();
  return (
    <ol className={styles.versions} reversed>
      {[...versions].reverse().map(({ version, text, at }, index) => {
        const time = milliseconds(at);
        return (
          <li key={version}>
            <p className={styles.note}>
              {index === 0 ? texts.current : texts.version(versions.length - index)} ·{' '}
              <time dateTime={new Date(time).toISOString()}>{format.full(time)}</time>
            </p>
            <p className={styles.words} dir="auto">
              {text}
            </p>
          </li>
        );
      })}
    </ol>
  );
}
