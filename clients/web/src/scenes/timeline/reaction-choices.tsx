import type { RefObject } from 'react';
import { Button, Dialog, Popover } from 'react-aria-components';

import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { classes } from '@/kit/classes';
import { QUICK_REACTIONS } from '@/kit/emoji';
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

/** The emoji to choose a reaction from. */
export function ReactionChoices({ message, parts, trigger, onClose }: Props) {
  const messages = useMessages();
  const { messages: store, personId } = useWorkspace();
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
        {QUICK_REACTIONS.map(([code, shown]) => {
          const own = parts.reactions.some(
            (one) => one.emoji === code && one.personIds.includes(personId),
          );
          return (
            <Button
              key={code}
              className={classes(styles.choice)}
              aria-label={shown}
              onPress={() => {
                onClose();
                void store.react(message, code, own);
              }}
            >
              {shown}
            </Button>
          );
        })}
      </Dialog>
    </Popover>
  );
}
