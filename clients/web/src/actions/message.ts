import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { markdownOf } from '@/kit/markdown';
import { excerpt } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import type { Workspace } from '@/stores/client';
import type { TaskBeginning } from '@/stores/view';

import type { Action } from './action';

/** Context of actions on one message. */
export interface MessageContext {
  readonly workspace: Workspace;
  readonly message: Message;
  readonly openThread: (root: number) => void;
  readonly pickReaction: () => void;
  /** True if the message is shown in the panel of its thread. */
  readonly inThread: boolean;
}

export const MESSAGE_ACTIONS: readonly Action<MessageContext>[] = [
  {
    id: 'message.react',
    label: (messages) => messages.actions.react,
    icon: 'smile',
    shortcut: '+',
    when: isThere,
    run: ({ pickReaction }) => pickReaction(),
  },
  {
    id: 'message.reply',
    label: (messages) => messages.actions.reply,
    icon: 'thread',
    shortcut: 'r',
    when: (context) => isThere(context) && !context.inThread,
    run: ({ message, openThread }) => openThread(Number(message.rootSeq || message.seq)),
  },
  {
    id: 'message.quote',
    label: (messages) => messages.actions.quote,
    icon: 'quote',
    shortcut: 'q',
    when: (context) => isThere(context) && !context.inThread,
    run: ({ workspace, message }) => workspace.view.quoting.set(targetOf(message)),
  },
  {
    id: 'message.forward',
    label: (messages) => messages.actions.forward,
    icon: 'forward',
    shortcut: 'f',
    when: (context) => isThere(context) && !isConfidential(context),
    run: ({ workspace, message }) => workspace.view.forwarding.set(targetOf(message)),
  },
  {
    id: 'message.pin',
    label: (messages) => messages.actions.pin,
    icon: 'pin',
    shortcut: 'p',
    when: (context) => isThere(context) && !isPinned(context),
    run: ({ workspace, message }) => void workspace.messages.pin(message, false),
  },
  {
    id: 'message.unpin',
    label: (messages) => messages.actions.unpin,
    icon: 'pin',
    shortcut: 'p',
    when: (context) => isThere(context) && isPinned(context),
    run: ({ workspace, message }) => void workspace.messages.pin(message, true),
  },
  {
    id: 'message.label',
    label: (messages) => messages.actions.label,
    icon: 'label',
    shortcut: 'l',
    when: isThere,
    run: ({ workspace, message }) => workspace.view.labelling.set(targetOf(message)),
  },
  {
    id: 'message.create-task',
    label: (messages) => messages.actions.createTask,
    icon: 'task',
    shortcut: 't',
    when: isThere,
    run: ({ workspace, message }) => workspace.view.newTask.set(taskOf(message)),
  },
  {
    id: 'message.copy',
    label: (messages) => messages.actions.copy,
    icon: 'copy',
    shortcut: 'c',
    when: isThere,
    run: ({ message }) => void navigator.clipboard.writeText(message.text),
  },
  {
    id: 'message.edit',
    label: (messages) => messages.actions.edit,
    icon: 'edit',
    shortcut: 'e',
    when: (context) =>
      isOwn(context) && age(context) < context.workspace.messages.windows.get().editMs,
    run: ({ workspace, message }) => workspace.view.editing.set(targetOf(message)),
  },
  {
    id: 'message.receipts',
    label: (messages) => messages.actions.receipts,
    icon: 'check',
    when: isOwn,
    run: ({ workspace, message }) =>
      workspace.view.info.set({ ...targetOf(message), about: 'receipts' }),
  },
  {
    id: 'message.versions',
    label: (messages) => messages.actions.versions,
    icon: 'clock',
    when: (context) => isThere(context) && context.message.version > 0,
    run: ({ workspace, message }) =>
      workspace.view.info.set({ ...targetOf(message), about: 'versions' }),
  },
  {
    id: 'message.recall',
    label: (messages) => messages.actions.recall,
    icon: 'undo',
    danger: true,
    when: (context) =>
      isOwn(context) && age(context) < context.workspace.messages.windows.get().recallMs,
    run: ({ workspace, message }) => void workspace.messages.recall(message),
  },
];

const TITLE = 120;
const WORDS = 4_000;

/** Return the initial content of a task made of a message: its text and its source. */
export function taskOf({ text, conversationId, seq }: Message): TaskBeginning {
  const title = excerpt(text, TITLE);
  const address = `${location.origin}/c/${conversationId}?at=${seq}`;
  // A title with the whole message needs no repetition.
  const words = title === text ? '' : `${text.slice(0, WORDS)}\n\n`;
  return { title, description: `${words}${address}` };
}

/** Return the text of a message for editing. */
export function editable(message: Message): string {
  return markdownOf(message.text, message.spans);
}

function isThere({ message }: MessageContext): boolean {
  return !message.recalled;
}

function isPinned({ message, workspace }: MessageContext): boolean {
  const log = workspace.conversations.get(message.conversationId);
  return log?.get(Number(message.seq))?.parts.pin !== undefined;
}

function isConfidential({ message, workspace }: MessageContext): boolean {
  return workspace.conversations.get(message.conversationId)?.conversation.confidential === true;
}

function isOwn({ message, workspace }: MessageContext): boolean {
  return !message.recalled && message.senderId === workspace.personId;
}

function age({ message }: MessageContext): number {
  return Date.now() - milliseconds(message.postedAt);
}

function targetOf(message: Message): { conversationId: string; seq: number } {
  return { conversationId: message.conversationId, seq: Number(message.seq) };
}
