import { createContext, use } from 'react';

import type { Format } from './format';
import type { Language as Locale, Messages } from './messages';

export interface Language {
  readonly locale: Locale;
  readonly messages: Messages;
  readonly format: Format;
}

export const LanguageContext = createContext<Language | undefined>(undefined);

export function useLanguage(): Language {
  const language = use(LanguageContext);
  if (language === undefined) throw new Error('Rendered outside of LanguageContext.');
  return language;
}

export function useMessages(): Messages {
  return useLanguage().messages;
}
