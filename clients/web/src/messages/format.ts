import { dayOf } from '@/kit/time';

import type { Language, Messages } from './messages';

/** Formats times and numbers in a language. */
export class Format {
  readonly #time: Intl.DateTimeFormat;
  readonly #full: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #dayOfYear: Intl.DateTimeFormat;
  readonly #short: Intl.DateTimeFormat;
  readonly #shortDate: Intl.DateTimeFormat;
  readonly #shortDateOfYear: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;

  constructor(
    language: Language,
    private readonly messages: Messages,
  ) {
    this.#time = new Intl.DateTimeFormat(language, {
      hour: '2-digit',
      minute: '2-digit',
      hour12: false,
    });
    this.#full = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'medium' });
    this.#day = new Intl.DateTimeFormat(language, {
      month: 'long',
      day: 'numeric',
      weekday: 'long',
    });
    this.#dayOfYear = new Intl.DateTimeFormat(language, {
      year: 'numeric',
      month: 'long',
      day: 'numeric',
      weekday: 'long',
    });
    this.#date = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
    this.#short = new Intl.DateTimeFormat(language, { month: 'numeric', day: 'numeric' });
    this.#shortDate = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric' });
    this.#shortDateOfYear = new Intl.DateTimeFormat(language, {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
    });
  }

  /** Return a day with its year. */
  date(at: number): string {
    return this.#date.format(at);
  }

  time(at: number): string {
    return this.#time.format(at);
  }

  full(at: number): string {
    return this.#full.format(at);
  }

  /** Return the name of a day, for a separator between messages. */
  day(at: number, now: number): string {
    const near = this.#near(at, now);
    if (near !== undefined) return near;
    const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
    return (sameYear ? this.#day : this.#dayOfYear).format(at);
  }

  /** Return a short date, with its year if that is not the current one. */
  shortDate(at: number, now: number): string {
    const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
    return (sameYear ? this.#shortDate : this.#shortDateOfYear).format(at);
  }

  /** Return a short form of the time of the last activity. */
  recent(at: number, now: number): string {
    if (dayOf(at) === dayOf(now)) return this.time(at);
    return this.#near(at, now) ?? this.#short.format(at);
  }

  #near(at: number, now: number): string | undefined {
    const today = dayOf(now);
    if (dayOf(at) === today) return this.messages.time.today;
    return dayOf(at) === dayOf(today - 1) ? this.messages.time.yesterday : undefined;
  }
}
