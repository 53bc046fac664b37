import { use } from 'react';

import type { Guide } from '@/kit/guide';

import { useLanguage } from './context';
import type { Language } from './messages';
import type { texts as details } from './zh-CN/details';
import type { texts as help } from './zh-CN/help';
import type { texts as messageInfo } from './zh-CN/message-info';
import type { texts as notifications } from './zh-CN/notifications';
import type { texts as people } from './zh-CN/people';
import type { texts as search } from './zh-CN/search';
import type { texts as sending } from './zh-CN/sending';
import type { texts as settings } from './zh-CN/settings';
import type { texts as tasks } from './zh-CN/tasks';
import type { texts as tour } from './zh-CN/tour';

/** Texts of scenes that load on demand, by subject. Chinese defines each. */
export interface Subjects {
  /** The quick-start guide of `docs/`. */
  readonly guide: Guide;
  readonly details: typeof details;
  readonly help: typeof help;
  readonly messageInfo: typeof messageInfo;
  readonly notifications: typeof notifications;
  readonly people: typeof people;
  readonly search: typeof search;
  readonly sending: typeof sending;
  readonly settings: typeof settings;
  readonly tasks: typeof tasks;
  readonly tour: typeof tour;
}

type Loaders = {
  readonly [Subject in keyof Subjects]: () => Promise<{ readonly texts: Subjects[Subject] }>;
};

const LOADERS: Readonly<Record<Language, Loaders>> = {
  'zh-CN': {
    guide: () => import('@docs/quick-start.zh-CN.md'),
    details: () => import('./zh-CN/details'),
    help: () => import('./zh-CN/help'),
    messageInfo: () => import('./zh-CN/message-info'),
    notifications: () => import('./zh-CN/notifications'),
    people: () => import('./zh-CN/people'),
    search: () => import('./zh-CN/search'),
    sending: () => import('./zh-CN/sending'),
    settings: () => import('./zh-CN/settings'),
    tasks: () => import('./zh-CN/tasks'),
    tour: () => import('./zh-CN/tour'),
  },
  en: {
    guide: () => import('@docs/quick-start.md'),
    details: () => import('./en/details'),
    help: () => import('./en/help'),
    messageInfo: () => import('./en/message-info'),
    notifications: () => import('./en/notifications'),
    people: () => import('./en/people'),
    search: () => import('./en/search'),
    sending: () => import('./en/sending'),
    settings: () => import('./en/settings'),
    tasks: () => import('./en/tasks'),
    tour: () => import('./en/tour'),
  },
};

const loaded = new Map<string, Promise<unknown>>();

/** Return the texts of a subject; suspend until they are loaded. */
export function useTexts<Subject extends keyof Subjects>(subject: Subject): Subjects[Subject] {
  const { locale } = useLanguage();
  return use(load(locale, subject));
}

function load<Subject extends keyof Subjects>(
  locale: Language,
  subject: Subject,
): Promise<Subjects[Subject]> {
  const key = `${locale}/${subject}`;
  const known = loaded.get(key) as Promise<Subjects[Subject]> | undefined;
  if (known !== undefined) return known;
  const loading = LOADERS[locale][subject]().then(({ texts }) => texts);
  loaded.set(key, loading);
  // The next reader retries a failed download.
  loading.catch(() => loaded.delete(key));
  return loading;
}
