import { Cell } from '@/kit/cell';

export type Locale = 'zh-CN' | 'en';
export type Theme = 'system' | 'light' | 'dark';

const LOCALE = 'plexus.locale';
const THEME = 'plexus.theme';

/** Language and theme of this browser. */
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
