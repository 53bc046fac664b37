import type { Client } from '@connectrpc/connect';

import { problemOf } from '@/api/problems';
import { accessOf, type Access } from '@/api/token';
import type { SessionService, Tokens } from '@/gen/plexus/directory/v1/session_service_pb';
import { Cell } from '@/kit/cell';
import { milliseconds } from '@/kit/time';

import type { Tabs } from './tabs';

const MARGIN_MS = 60_000;
const ANSWER_MS = 3_000;

export class SignedOut extends Error {}

/** The access token of this browser, refreshed by the leading tab and shared with the others. */
export class AccessKeeper {
  /** Undefined while no one is signed in, or while that is unknown. */
  readonly current = new Cell<Access | undefined>(undefined);
  #refreshing: Promise<Access> | undefined;

  constructor(
    private readonly tabs: Tabs,
    private readonly sessions: Client<typeof SessionService>,
  ) {
    tabs.messages.on((message) => {
      if (message.kind === 'access') this.current.set(message.access);
      if (message.kind === 'access-needed' && tabs.leads.get()) void this.#answer();
    });
  }

  /** Return a token that is valid for another minute. Throws SignedOut, ConnectError. */
  readonly token = async (): Promise<string> => {
    const access = this.current.get();
    if (access !== undefined && access.expiresAt - MARGIN_MS > Date.now()) return access.token;
    return (await this.renew()).token;
  };

  /** Return a new access token. Throws SignedOut, ConnectError. */
  renew(): Promise<Access> {
    this.#refreshing ??= this.#renew().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Store the tokens of a sign-in and share them. */
  accept(tokens: Tokens): Access {
    const expiresAt = milliseconds(tokens.accessExpiresAt);
    const access = accessOf(tokens.accessToken, expiresAt, tokens.cacheKey);
    this.current.set(access);
    this.tabs.post({ kind: 'access', access });
    return access;
  }

  forget(): void {
    this.current.set(undefined);
  }

  async #renew(): Promise<Access> {
    if (!this.tabs.leads.get()) {
      const shared = await this.#ask();
      if (shared !== undefined) return shared;
      this.tabs.takeOver();
    }
    try {
      const { tokens } = await this.sessions.refreshSession({});
      if (tokens === undefined) throw new SignedOut();
      return this.accept(tokens);
    } catch (error) {
      if (problemOf(error).kind !== 'unauthenticated') throw error;
      this.forget();
      throw new SignedOut();
    }
  }

  /** Request the token from the leading tab; return undefined if it does not respond. */
  async #ask(): Promise<Access | undefined> {
    return new Promise((resolve) => {
      const stop = this.tabs.messages.on((message) => {
        if (message.kind === 'access') finish(message.access);
      });
      const timer = setTimeout(() => finish(undefined), ANSWER_MS);
      function finish(access: Access | undefined): void {
        clearTimeout(timer);
        stop();
        resolve(access);
      }
      this.tabs.post({ kind: 'access-needed' });
    });
  }

  async #answer(): Promise<void> {
    try {
      await this.token();
    } catch {
      // The requesting tab times out by itself.
      return;
    }
    const access = this.current.get();
    if (access !== undefined) this.tabs.post({ kind: 'access', access });
  }
}
