import type { Subjects } from '../subjects';

export const texts: Subjects['help'] = {
  contents: 'Contents',
  tour: 'Take the tour',
};
