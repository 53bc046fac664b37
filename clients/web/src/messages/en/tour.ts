import type { Subjects } from '../subjects';

export const texts: Subjects['tour'] = {
  label: 'Tour',
  position: (step, count) => `Step ${step} of ${count}`,
  skip: 'Skip the tour',
  back: 'Back',
  next: 'Next',
  done: 'Get started',
  steps: {
    conversations: {
      title: 'Talk here',
      text: (keys) =>
        `“Messages” holds your direct and group conversations with their unread counts. ${keys} opens the next one.`,
    },
    search: {
      title: 'One box finds people and messages',
      text: (keys) =>
        `Press ${keys} and type a name, its pinyin or initials. “Search” finds the messages, tasks and people that you may see.`,
    },
    tasks: {
      title: 'Turn agreements into tasks',
      text: () =>
        'Choose “Create task” in the menu of a message, then move the task on its board. “My day” lists the tasks assigned to you.',
    },
    notifications: {
      title: 'Miss nothing, rest undisturbed',
      text: () =>
        '“Notifications” collects mentions, direct messages and assigned tasks. Set quiet hours in the settings.',
    },
    help: {
      title: 'Come back any time',
      text: (keys) =>
        `Open the quick-start guide or this tour again from here. ${keys} opens the guide, too.`,
    },
  },
};
