import { createClient, type Client } from '@connectrpc/connect';

import type { Presence } from '@/gen/plexus/messaging/v1/signal_service_pb';
import { SignalService } from '@/gen/plexus/messaging/v1/signal_service_pb';
import { Cell } from '@/kit/cell';
import { milliseconds } from '@/kit/time';
import type { Workspace } from '@/stores/client';

const MAX_ASKED = 200;

/** Presence of people: queried when it is shown, then updated by the stream. */
export class PresenceStore {
  /** Incremented by every change. */
  readonly version = new Cell(0);
  readonly #client: Client<typeof SignalService>;
  readonly #known = new Map<string, Presence>();

  constructor({ calls, frames }: Pick<Workspace, 'calls' | 'frames'>) {
    this.#client = createClient(SignalService, calls);
    frames.on(({ frame }) => {
      const signal = frame.case === 'signal' ? frame.value.signal : undefined;
      if (signal?.case === 'presence') this.#take([signal.value]);
    });
  }

  /** Return the latest known presence; undefined for people without a common conversation. */
  get(personId: string): Presence | undefined {
    return this.#known.get(personId);
  }

  async load(personIds: readonly string[]): Promise<void> {
    try {
      const request = { personIds: personIds.slice(0, MAX_ASKED) };
      this.#take((await this.#client.listPresence(request)).presences);
    } catch {
      // Presence is optional: it is not shown if it is unknown.
      return;
    }
  }

  #take(presences: readonly Presence[]): void {
    for (const presence of presences) {
      const known = this.#known.get(presence.personId);
      if (milliseconds(known?.seenAt) <= milliseconds(presence.seenAt))
        this.#known.set(presence.personId, presence);
    }
    this.version.update((version) => version + 1);
  }
}
