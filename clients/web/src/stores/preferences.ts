import { Cell } from '@/kit/cell';

export type Locale = 'zh-CN' | 'en';
export type Theme = 'system' | 'light' | 'dark';

const LOCALE = 'plexus.locale';
const THEME = 'plexus.theme';
const TOUR = 'plexus.tour';

/** Language and theme of this browser, and the users who have seen the tour in it. */
export class PreferencesStore {
  readonly locale: Cell<Locale>;
  readonly theme: Cell<Theme>;

  constructor(private readonly storage: Storage) {
    this.locale = new Cell(localeOf(storage.getItem(LOCALE)) ?? browserLocale());
    this.theme = new Cell(themeOf(storage.getItem(THEME)));
  }

  setLocale(locale: Locale): void {
    this.storage.setItem(LOCALE, locale);
    this.locale.set(locale);
  }

  setTheme(theme: Theme): void {
    this.storage.setItem(THEME, theme);
    this.theme.set(theme);
  }

  hasSeenTour(personId: string): boolean {
    return this.storage.getItem(tourKey(personId)) !== null;
  }

  setTourSeen(personId: string): void {
    this.storage.setItem(tourKey(personId), 'seen');
  }
}

/** Return the storage key that records that a user has seen the tour. */
export function tourKey(personId: string): string {
  return `${TOUR}.${personId}`;
}

function localeOf(value: string | null): Locale | undefined {
  return value === 'zh-CN' || value === 'en' ? value : undefined;
}

function browserLocale(): Locale {
  return navigator.languages.some((language) => language.startsWith('zh')) ||
    !navigator.language.startsWith('en')
    ? 'zh-CN'
    : 'en';
}

function themeOf(value: string | null): Theme {
  return value === 'light' || value === 'dark' ? value : 'system';
}
