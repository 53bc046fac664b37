import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { createClient, type Client } from '@connectrpc/connect';

import { answerOf, type Answer } from '@/api/answers';
import type { Problem } from '@/api/problems';
import { SessionService, type SessionInfo } from '@/gen/plexus/directory/v1/session_service_pb';
import { Cell } from '@/kit/cell';
import { randomId } from '@/kit/ids';

import type { Workspace } from '../client';

const DAY_MS = 86_400_000;

export interface NewToken {
  readonly name: string;
  readonly scopes: readonly string[];
  /** Days from now until it expires. */
  readonly days: number;
}

/** The user's open sessions, and the tokens of their apps. */
export class SessionsStore {
  readonly sessions = new Cell<readonly SessionInfo[] | undefined>(undefined);
  readonly problem = new Cell<Problem | undefined>(undefined);
  readonly #client: Client<typeof SessionService>;

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#client = createClient(SessionService, calls);
  }

  async load(): Promise<void> {
    const found: SessionInfo[] = [];
    let pageToken = '';
    do {
      const page = { pageToken };
      const { value, problem } = await answerOf(() => this.#client.listSessions(page));
      this.problem.set(problem);
      if (value === undefined) return;
      found.push(...value.sessions);
      pageToken = value.nextPageToken;
    } while (pageToken !== '');
    this.sessions.set(found);
  }

  /** End a session or a token; one that has ended already counts as success. */
  async revoke(sessionId: string): Promise<Problem | undefined> {
    return this.#end(sessionId);
  }

  /** End every session except this one. */
  async revokeOthers(): Promise<Problem | undefined> {
    return this.#end('');
  }

  /** Create a token and return its secret, which is available only once. */
  async createToken({ name, scopes, days }: NewToken): Promise<Answer<string>> {
    const answer = await answerOf(() =>
      this.#client.createApiToken({
        requestId: randomId(),
        name,
        scopes: [...scopes],
        expiresAt: timestampFromMs(Date.now() + days * DAY_MS),
      }),
    );
    if (answer.problem !== undefined) return answer;
    await this.load();
    return { value: answer.value.secret };
  }

  async #end(sessionId: string): Promise<Problem | undefined> {
    const { problem } = await answerOf(() => this.#client.revokeSessions({ sessionId }));
    await this.load();
    return problem?.reason === 'SESSION_NOT_FOUND' ? undefined : problem;
  }
}
