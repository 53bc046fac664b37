import { Avatar } from '@/components/avatar';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';

import styles from './labels.module.css';

const SHOWN = 3;

/** The assignees of a task as small pictures. */
export function Assignees({ ids }: { readonly ids: readonly string[] }) {
  const messages = useMessages();
  const texts = useTexts('tasks');
  const { people } = useWorkspace();
  useCell(people.version);
  if (ids.length === 0) return null;
  const names = ids.map((id) => personName(id, people, messages));
  const all = names.join(messages.timeline.listSeparator);
  return (
    <span className={styles.people} title={all}>
      <span className="visually-hidden">{`${texts.detail.assignees}: ${all}`}</span>
      {ids.slice(0, SHOWN).map((id, index) => (
        <Avatar key={id} id={id} name={names[index] ?? ''} small />
      ))}
      {ids.length > SHOWN ? <i className={styles.more}>+{ids.length - SHOWN}</i> : null}
    </span>
  );
}
