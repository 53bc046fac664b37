import type { Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import {
  SecondFactorKind,
  type SecondFactorChallenge,
  type SessionService,
  type Tokens,
} from '@/gen/plexus/directory/v1/session_service_pb';
import { Cell } from '@/kit/cell';
import { SignedOut, type AccessKeeper } from '@/live/access';
import type { Tabs } from '@/live/tabs';

import { wipeVault } from './vault';

export type SessionState =
  | { readonly step: 'starting' }
  | { readonly step: 'offline' }
  | { readonly step: 'signed-out' }
  | { readonly step: 'challenged'; readonly challenge: SecondFactorChallenge }
  | { readonly step: 'signed-in'; readonly personId: string };

interface Answer {
  readonly tokens?: Tokens | undefined;
  readonly challenge?: SecondFactorChallenge | undefined;
}

/** Second factors that can answer the challenge. */
export type CodeKind = 'totp' | 'recovery' | 'passkey';

/** The signed-in user of this browser. */
export class SessionStore {
  readonly state = new Cell<SessionState>({ step: 'starting' });

  constructor(
    private readonly sessions: Client<typeof SessionService>,
    private readonly access: AccessKeeper,
    private readonly tabs: Tabs,
  ) {
    tabs.messages.on((message) => {
      if (message.kind === 'signed-out') this.end();
      if (message.kind === 'access' && this.state.get().step !== 'starting')
        this.#enter(message.access.personId);
    });
  }

  /** Continue the session of this browser's cookie. */
  async resume(): Promise<void> {
    try {
      this.#enter((await this.access.renew()).personId);
    } catch (error) {
      if (error instanceof SignedOut) await wipeVault();
      this.state.set({ step: error instanceof SignedOut ? 'signed-out' : 'offline' });
    }
  }

  /** Sign in; return the problem, or undefined if the next step is due. */
  async signIn(handle: string, password: string): Promise<Problem | undefined> {
    return this.#attempt(() => this.sessions.signIn({ handle, password, device: deviceName() }));
  }

  async answer(kind: CodeKind, code: string): Promise<Problem | undefined> {
    const state = this.state.get();
    if (state.step !== 'challenged') return undefined;
    const { challengeId } = state.challenge;
    return this.#attempt(() =>
      this.sessions.completeSignIn({ challengeId, answer: answered(kind, code) }),
    );
  }

  cancel(): void {
    this.state.set({ step: 'signed-out' });
  }

  async signOut(): Promise<void> {
    try {
      const headers = { authorization: `Bearer ${await this.access.token()}` };
      await this.sessions.signOut({}, { headers });
    } catch (error) {
      // A session that has already ended counts as success.
      if (problemOf(error).kind === 'network') throw error;
    }
    this.tabs.post({ kind: 'signed-out' });
    this.end();
  }

  /** Discard all state: it belongs to the user who signed out. */
  end(): void {
    this.access.forget();
    const wasSignedIn = this.state.get().step === 'signed-in';
    void wipeVault().then(() => {
      if (wasSignedIn) location.assign('/');
      else this.state.set({ step: 'signed-out' });
    });
  }

  async #attempt(call: () => Promise<Answer>): Promise<Problem | undefined> {
    try {
      const { tokens, challenge } = await call();
      if (tokens !== undefined) this.#enter(this.access.accept(tokens).personId);
      else if (challenge !== undefined) this.state.set({ step: 'challenged', challenge });
      return undefined;
    } catch (error) {
      return problemOf(error);
    }
  }

  #enter(personId: string): void {
    const state = this.state.get();
    if (state.step === 'signed-in' && state.personId === personId) return;
    // Another user has signed in on another tab.
    if (state.step === 'signed-in') location.assign('/');
    else this.state.set({ step: 'signed-in', personId });
  }
}

/** Return the second factors accepted by a challenge, best first. */
export function offeredBy({ kinds }: SecondFactorChallenge): CodeKind[] {
  return [
    ...(kinds.includes(SecondFactorKind.PASSKEY) ? (['passkey'] as const) : []),
    ...(kinds.includes(SecondFactorKind.TOTP) ? (['totp'] as const) : []),
    'recovery',
  ];
}

function answered(kind: CodeKind, code: string) {
  const value = kind === 'passkey' ? code : code.replaceAll(' ', '');
  switch (kind) {
    case 'totp':
      return { case: 'totpCode', value } as const;
    case 'recovery':
      return { case: 'recoveryCode', value } as const;
    case 'passkey':
      return { case: 'passkeyJson', value } as const;
  }
}

function deviceName(): string {
  const agent = navigator.userAgent;
  const browser = /(Edg|Firefox|Chrome|Safari)\//u.exec(agent)?.[1] ?? 'Browser';
  const system = /(Windows|Mac OS X|Android|iPhone|Linux)/u.exec(agent)?.[1] ?? '';
  return `${browser === 'Edg' ? 'Edge' : browser} ${system}`.trim();
}
