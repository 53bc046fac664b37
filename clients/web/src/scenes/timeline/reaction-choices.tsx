import type { RefObject } from 'react';
import { Button, Dialog, Popover } from 'react-aria-components';

import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { classes } from '@/kit/classes';
import { mergedReactions, QUICK_REACTIONS } from '@/kit/emoji';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';
import type { Parts } from '@/stores/log/message';

import styles from './message.module.css';

interface Props {
  readonly message: Message;
  readonly parts: Parts;
  readonly trigger: RefObject<HTMLButtonElement | null>;
  readonly onClose: () => void;
}

/** Emoji to react with. */
export function ReactionChoices({ message, parts, trigger, onClose }: Props) {
  const messages = useMessages();
  const { messages: store, personId } = useWorkspace();
  const reactions = mergedReactions(parts.reactions);
  return (
    <Popover
      placement="top end"
      triggerRef={trigger}
      isOpen
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Dialog className={classes(styles.picker)} aria-label={messages.timeline.addReaction}>
        {QUICK_REACTIONS.map((emoji) => {
          const own = reactions.some(
            (one) => one.emoji === emoji && one.personIds.includes(personId),
          );
          return (
            <Button
              key={emoji}
              className={classes(styles.choice)}
              aria-label={emoji}
              onPress={() => {
                onClose();
                void store.react(message, emoji, own);
              }}
            >
              {emoji}
            </Button>
          );
        })}
      </Dialog>
    </Popover>
  );
}
