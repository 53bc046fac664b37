import { lazy, useRef } from 'react';
import { Button } from 'react-aria-components';

import { IconButton } from '@/components/button';
import { Opener } from '@/components/opener';
import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { classes } from '@/kit/classes';
import { mergedReactions, picture } from '@/kit/emoji';
import { useMessages } from '@/messages/context';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { Parts } from '@/stores/log/message';

import styles from './message.module.css';

const ReactionChoices = lazy(async () => ({
  default: (await import('./reaction-choices')).ReactionChoices,
}));

const NAMES_SHOWN = 10;

interface Props {
  readonly message: Message;
  readonly parts: Parts;
}

/** The emoji on a message; a press adds or removes the user's own reaction. */
export function Reactions({ message, parts }: Props) {
  const messages = useMessages();
  const { messages: store, people, personId } = useWorkspace();
  if (parts.reactions.length === 0) return null;
  return (
    <div className={styles.reactions}>
      {mergedReactions(parts.reactions).map(({ emoji, personIds }) => {
        const isOwn = personIds.includes(personId);
        const names = personIds
          .slice(0, NAMES_SHOWN)
          .map((id) => personName(id, people, messages))
          .join(messages.timeline.listSeparator);
        return (
          <Button
            key={emoji}
            className={classes(styles.reaction, isOwn && styles.own)}
            aria-label={messages.timeline.react(picture(emoji), personIds.length)}
            aria-pressed={isOwn}
            onPress={() => void store.react(message, emoji, isOwn)}
            render={(props) => <button {...props} title={messages.timeline.reactedBy(names)} />}
          >
            <span aria-hidden="true">{picture(emoji)}</span>
            <span aria-hidden="true">{personIds.length}</span>
          </Button>
        );
      })}
    </div>
  );
}

interface PickerProps extends Props {
  readonly isOpen: boolean;
  readonly onOpen: (isOpen: boolean) => void;
}

/** A button that offers emoji to react with. */
export function ReactionPicker({ message, parts, isOpen, onOpen }: PickerProps) {
  const messages = useMessages();
  const trigger = useRef<HTMLButtonElement>(null);
  return (
    <Opener
      opens="dialog"
      trigger={trigger}
      isOpen={isOpen}
      onPress={() => onOpen(true)}
      button={
        <IconButton icon="smile" label={messages.timeline.addReaction} small data-action="react" />
      }
    >
      {isOpen ? (
        <ReactionChoices
          message={message}
          parts={parts}
          trigger={trigger}
          onClose={() => onOpen(false)}
        />
      ) : null}
    </Opener>
  );
}
