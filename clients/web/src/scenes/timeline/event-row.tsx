import type { ConversationEvent } from '@/gen/plexus/messaging/v1/conversations_pb';
import { useCell } from '@/kit/cell';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';

import { eventText } from './event-text';
import styles from './timeline.module.css';

/** A line about the conversation itself, between its messages. */
export function EventRow({ event }: { readonly event: ConversationEvent }) {
  const { messages, format } = useLanguage();
  const { people } = useWorkspace();
  useCell(people.version);
  const text = eventText(event, messages, (id) => personName(id, people, messages));
  return (
    <p className={styles.event} dir="auto" title={format.full(milliseconds(event.at))}>
      {text}
    </p>
  );
}
