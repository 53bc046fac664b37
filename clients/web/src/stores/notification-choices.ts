import { createClient, type Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import {
  Channel,
  NotificationKind,
  type Preferences,
  type QuietHours,
} from '@/gen/plexus/notify/v1/notifications_pb';
import { NotifyService } from '@/gen/plexus/notify/v1/notify_service_pb';
import { Cell } from '@/kit/cell';

import type { Workspace } from './client';

const FRESH_MS = 600_000;

/** The user's notification preferences: kinds, channels and quiet hours. */
export class NotificationChoicesStore {
  readonly choices = new Cell<Preferences | undefined>(undefined);
  readonly problem = new Cell<Problem | undefined>(undefined);
  readonly #client: Client<typeof NotifyService>;
  #loadedAt = 0;
  #saved: Preferences | undefined;
  #waiting = 0;
  #sending: Promise<unknown> = Promise.resolve();

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#client = createClient(NotifyService, calls);
  }

  async load(): Promise<void> {
    this.problem.set(undefined);
    try {
      const { preferences } = await this.#client.getPreferences({});
      this.#saved = preferences;
      this.choices.set(preferences);
      this.#loadedAt = Date.now();
    } catch (error) {
      this.problem.set(problemOf(error));
    }
  }

  /** Return preferences fetched in the last ten minutes: another device may change them. */
  async recent(): Promise<Preferences | undefined> {
    if (Date.now() - this.#loadedAt > FRESH_MS) await this.load();
    return this.choices.get();
  }

  async setChannel(
    kind: NotificationKind,
    channel: Channel,
    isWanted: boolean,
  ): Promise<Problem | undefined> {
    return this.#change((choices) => ({
      ...choices,
      kinds: choices.kinds.map((one) =>
        one.kind === kind ? { ...one, channels: changed(one.channels, channel, isWanted) } : one,
      ),
    }));
  }

  async setQuietHours(
    hours: Pick<QuietHours, 'enabled' | 'start' | 'end' | 'weekdays'>,
  ): Promise<Problem | undefined> {
    return this.#change((choices) =>
      choices.quietHours === undefined
        ? choices
        : { ...choices, quietHours: { ...choices.quietHours, ...hours } },
    );
  }

  /** Change the shown preferences at once; changes in quick succession are sent together. */
  async #change(change: (choices: Preferences) => Preferences): Promise<Problem | undefined> {
    const shown = this.choices.get();
    if (shown === undefined) return undefined;
    this.choices.set(change(shown));
    this.#waiting += 1;
    const sent = this.#sending.then(() => this.#send());
    this.#sending = sent;
    return sent;
  }

  /** Send the shown preferences; if they are refused, show the server's. */
  async #send(): Promise<Problem | undefined> {
    this.#waiting -= 1;
    const wanted = this.choices.get();
    if (this.#waiting > 0 || wanted === undefined) return undefined;
    try {
      const { preferences } = await this.#client.setPreferences({
        preferences: wanted,
        expectedVersion: this.#saved?.version ?? 0n,
      });
      this.#saved = preferences;
      if (this.choices.get() === wanted) this.choices.set(preferences);
      return undefined;
    } catch (error) {
      const problem = problemOf(error);
      this.choices.set(this.#saved);
      if (problem.reason === 'VERSION_CONFLICT') await this.load();
      return problem;
    }
  }
}

function changed(channels: readonly Channel[], channel: Channel, isWanted: boolean): Channel[] {
  const others = channels.filter((one) => one !== channel);
  return isWanted ? [...others, channel] : others;
}
