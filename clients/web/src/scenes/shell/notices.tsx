import { IconButton } from '@/components/button';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';

import styles from './shell.module.css';

/** Error messages, shown until they are dismissed. */
export function Notices() {
  const messages = useMessages();
  const { view } = useWorkspace();
  const notices = useCell(view.notices);
  return (
    <div
      className={styles.notices}
      role="region"
      aria-label={messages.shell.notices}
      aria-live="polite"
    >
      {notices.map((notice) => (
        <div key={notice.id} className={classes(styles.notice, notice.isGood && styles.good)}>
          <p>{notice.text}</p>
          <IconButton
            icon="close"
            label={messages.shell.dismiss}
            small
            onPress={() => view.dismiss(notice.id)}
          />
        </div>
      ))}
    </div>
  );
}
