import type { Access } from '@/api/token';
import { Cell } from '@/kit/cell';
import { Signal } from '@/kit/signal';

const NAME = 'plexus-live';

/** A message from one tab to the other tabs of this browser. */
export type TabMessage =
  | { readonly kind: 'access'; readonly access: Access }
  | { readonly kind: 'access-needed' }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'frames'; readonly bytes: Uint8Array }
  | { readonly kind: 'connection'; readonly online: boolean };

/**
 * The tabs of one browser, with one leader: it alone refreshes the session and holds the stream.
 *
 * The browser passes the lock on when its holder closes or crashes. A frozen tab keeps it without
 * responding; `takeOver` steals it.
 */
export class Tabs {
  readonly leads = new Cell(false);
  readonly messages = new Signal<TabMessage>();
  readonly #channel = new BroadcastChannel(NAME);
  #release: () => void = () => undefined;

  constructor() {
    this.#channel.onmessage = (event: MessageEvent<TabMessage>) => this.messages.emit(event.data);
  }

  /** Queue for the leadership; resolve once it is known whether this tab leads. */
  async join(): Promise<void> {
    await new Promise<void>((known) => {
      void navigator.locks
        .request(NAME, { ifAvailable: true }, async (lock) => {
          if (lock !== null) {
            await this.#lead(known);
            return;
          }
          known();
          void this.#hold({});
        })
        .catch(() => {
          // Another tab took over while this one was leading.
          this.leads.set(false);
          void this.#hold({});
        });
    });
  }

  /** Become the leader at once, even if another tab leads. */
  takeOver(): void {
    if (!this.leads.get()) void this.#hold({ steal: true });
  }

  post(message: TabMessage): void {
    this.#channel.postMessage(message);
  }

  close(): void {
    this.#release();
    this.#channel.close();
  }

  async #hold(options: LockOptions): Promise<void> {
    try {
      await navigator.locks.request(NAME, options, () => this.#lead(() => undefined));
    } catch (error) {
      // Another tab took over: queue again.
      if (!(error instanceof DOMException) || error.name !== 'AbortError') throw error;
      this.leads.set(false);
      void this.#hold({});
    }
  }

  /** Lead until this tab closes. */
  async #lead(onLead: () => void): Promise<void> {
    this.leads.set(true);
    onLead();
    await new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    this.leads.set(false);
  }
}
