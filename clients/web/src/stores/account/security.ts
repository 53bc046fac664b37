import { createClient, type Client } from '@connectrpc/connect';

import { answerOf, type Answer } from '@/api/answers';
import type { Problem } from '@/api/problems';
import {
  SessionService,
  type EnrollTotpResponse,
  type ListSecondFactorsResponse,
} from '@/gen/plexus/directory/v1/session_service_pb';
import { Cell } from '@/kit/cell';
import { createPasskey, PasskeyCancelled } from '@/kit/passkeys';

import type { Workspace } from '../client';

const CANCELLED: Problem = { kind: 'refused', reason: 'PASSKEY_CANCELLED', retryAfterMs: 0 };

/** Password, second factors and passkeys of the user. */
export class SecurityStore {
  readonly factors = new Cell<ListSecondFactorsResponse | undefined>(undefined);
  readonly problem = new Cell<Problem | undefined>(undefined);
  readonly #client: Client<typeof SessionService>;

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#client = createClient(SessionService, calls);
  }

  async load(): Promise<void> {
    const { value, problem } = await answerOf(() => this.#client.listSecondFactors({}));
    this.problem.set(problem);
    if (value !== undefined) this.factors.set(value);
  }

  /** Change the password; this ends the user's other sessions. */
  async setPassword(oldPassword: string, newPassword: string): Promise<Problem | undefined> {
    return (await answerOf(() => this.#client.setPassword({ oldPassword, newPassword }))).problem;
  }

  async enrollTotp(password: string): Promise<Answer<EnrollTotpResponse>> {
    return answerOf(() => this.#client.enrollTotp({ password }));
  }

  /** Confirm the app with a code; return the recovery codes, which are shown only once. */
  async confirmTotp(code: string): Promise<Answer<readonly string[]>> {
    const answer = await answerOf(() =>
      this.#client.confirmTotp({ code: code.replaceAll(' ', '') }),
    );
    if (answer.problem !== undefined) return answer;
    await this.load();
    return { value: answer.value.recoveryCodes };
  }

  /** Let the browser create a passkey; return recovery codes with the first second factor. */
  async addPasskey(password: string, name: string): Promise<Answer<readonly string[]>> {
    const begun = await answerOf(() => this.#client.beginPasskey({ password }));
    if (begun.problem !== undefined) return begun;
    let credentialJson: string;
    try {
      credentialJson = await createPasskey(begun.value.optionsJson);
    } catch (error) {
      if (error instanceof PasskeyCancelled) return { problem: CANCELLED };
      throw error;
    }
    const finished = await answerOf(() => this.#client.finishPasskey({ credentialJson, name }));
    if (finished.problem !== undefined) return finished;
    await this.load();
    return { value: finished.value.recoveryCodes };
  }

  async removeFactor(factorId: string, password: string): Promise<Problem | undefined> {
    const { problem } = await answerOf(() =>
      this.#client.removeSecondFactor({ factorId, password }),
    );
    if (problem === undefined) await this.load();
    return problem;
  }
}
