import type { messages } from './zh-CN';

/** The catalogue of texts. Chinese defines it; the compiler finds missing English texts. */
export type Messages = typeof messages;
export type Language = 'zh-CN' | 'en';

/** Load the catalogue of one language only. */
export async function loadMessages(language: Language): Promise<Messages> {
  const module = language === 'en' ? await import('./en') : await import('./zh-CN');
  return module.messages;
}
