import type { Subjects } from '../subjects';

export const texts: Subjects['messageInfo'] = {
  receipts: 'Read by',
  versions: 'Edit history',
  close: 'Close',
  loading: 'Loading…',
  retry: 'Try again',
  read: (count) => `Read by ${count}`,
  unread: (count) => `Not read by ${count}`,
  countsOnly: 'This conversation shows how many have read, and no names.',
  nobody: 'This message has no other recipients.',
  more: 'Load more',
  version: (number) => `Version ${number}`,
  current: 'Current version',
  reasons: {
    MESSAGE_NOT_FOUND: 'This message can no longer be seen. Close this window.',
    CONVERSATION_NOT_FOUND: 'You are no longer in this conversation.',
    NOT_YOUR_MESSAGE: 'Only the sender can see who has read a message.',
    PERMISSION_MISSING: 'You are not allowed to see this. Ask your administrator.',
  },
};
