import type { Subjects } from '../subjects';

export const texts: Subjects['search'] = {
  title: 'Search',
  label: 'Search messages, tasks and people',
  placeholder: 'Search messages, tasks and people',
  clear: 'Clear',
  kinds: 'Kind of result',
  all: 'All',
  kind: { message: 'Messages', task: 'Tasks', person: 'People' },
  found: (total) =>
    total >= 10_000 ? 'More than 10,000 results' : total === 1 ? '1 result' : `${total} results`,
  searching: 'Searching…',
  none: (query) => `Nothing found for “${query}”.`,
  noneHint: 'Check the spelling, or use fewer or shorter words.',
  start: 'Type a few words to search.',
  hints: [
    'Words separated by spaces must all be found',
    'Put a sentence in “quotes” to find it as it stands',
    'Put - before a word to leave it out',
  ],
  partial: 'The last few seconds may be missing. Search again in a moment.',
  more: 'Show more',
  loadingMore: 'Loading…',
  retry: 'Try again',
  inConversation: (name) => `in ${name}`,
  unknownConversation: 'a conversation',
  open: 'Open in conversation',
  back: 'Back to conversations',
  reasons: {
    QUERY_INVALID:
      'There is nothing to search for. Type at least one word, 1,000 characters at most.',
    TOO_MANY_SEARCHES: 'Too many searches are running. Try again in a moment.',
    INDEX_UNREACHABLE: 'Search is not available right now. Try again later; messages still work.',
    CONVERSATION_NOT_FOUND: 'You are no longer in the conversation of this message.',
  },
};
