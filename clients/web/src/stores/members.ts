import { createClient, type Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import { Member_Role as Role, type Member } from '@/gen/plexus/messaging/v1/conversations_pb';
import { MessagingService } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { Cell } from '@/kit/cell';
import { randomId } from '@/kit/ids';
import type { Workspace } from '@/stores/client';

import type { ConversationLog } from './log/log';

const PAGE = 1000;

/** The members of a conversation loaded so far. */
export interface MemberList {
  readonly members: readonly Member[];
  readonly state: 'loading' | 'ready' | 'failed';
  readonly problem?: Problem;
}

export interface RoleChange {
  readonly role: Role;
  /** With the role of an owner: hand the group over. */
  readonly transfer?: boolean;
}

const LOADING: MemberList = { members: [], state: 'loading' };

interface Followed {
  readonly list: Cell<MemberList>;
  /** Membership version of the current or the last load. */
  version: bigint;
}

/** The members of conversations: loaded when shown, and again after a change. */
export class MembersStore {
  readonly #client: Client<typeof MessagingService>;
  readonly #workspace: Pick<Workspace, 'people' | 'conversations'>;
  readonly #followed = new Map<string, Followed>();

  constructor(workspace: Pick<Workspace, 'calls' | 'people' | 'conversations'>) {
    this.#client = createClient(MessagingService, workspace.calls);
    this.#workspace = workspace;
  }

  /** Return the members of a conversation, and keep them up to date from now on. */
  of(log: ConversationLog): Cell<MemberList> {
    const known = this.#followed.get(log.id);
    if (known !== undefined) return known.list;
    const followed: Followed = { list: new Cell(LOADING), version: -1n };
    this.#followed.set(log.id, followed);
    const check = (): void => {
      if (log.conversation.membershipVersion === followed.version) return;
      followed.version = log.conversation.membershipVersion;
      void this.load(log);
    };
    log.version.subscribe(check);
    check();
    return followed.list;
  }

  async load(log: ConversationLog): Promise<void> {
    const list = this.of(log);
    const { version } = this.#followed.get(log.id) ?? { version: -1n };
    try {
      const members: Member[] = [];
      let pageToken = '';
      do {
        const page = await this.#client.listMembers({
          conversationId: log.id,
          pageSize: PAGE,
          pageToken,
        });
        members.push(...page.members.filter(({ active }) => active));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      // A newer load has begun.
      if (this.#followed.get(log.id)?.version !== version) return;
      this.#workspace.people.want(members.map(({ personId }) => personId));
      list.set({ members, state: 'ready' });
    } catch (error) {
      list.set({ ...list.get(), state: 'failed', problem: problemOf(error) });
    }
  }

  /** Add people to a group; return the problem if there is one. */
  async add(
    log: ConversationLog,
    personIds: readonly string[],
    role = Role.MEMBER,
  ): Promise<Problem | undefined> {
    const ids = [...personIds];
    return this.#change(log, () =>
      this.#client.addMembers({
        requestId: randomId(),
        conversationId: log.id,
        personIds: ids,
        role,
      }),
    );
  }

  /** Remove a person from a group. */
  async remove(log: ConversationLog, personId: string): Promise<Problem | undefined> {
    return this.#change(log, () =>
      this.#client.removeMembers({
        requestId: randomId(),
        conversationId: log.id,
        personIds: [personId],
      }),
    );
  }

  /** Change the role of a member; `transfer` makes this user an administrator at the same time. */
  async changeRole(
    log: ConversationLog,
    personId: string,
    { role, transfer = false }: RoleChange,
  ): Promise<Problem | undefined> {
    return this.#change(log, () =>
      this.#client.changeMemberRole({
        requestId: randomId(),
        conversationId: log.id,
        personId,
        role,
        transfer,
      }),
    );
  }

  /** Leave a group; it disappears from the list. */
  async leave(log: ConversationLog): Promise<Problem | undefined> {
    try {
      await this.#client.leaveConversation({ requestId: randomId(), conversationId: log.id });
      this.#workspace.conversations.remove(log.id);
      return undefined;
    } catch (error) {
      return problemOf(error);
    }
  }

  async #change(log: ConversationLog, call: () => Promise<unknown>): Promise<Problem | undefined> {
    try {
      await call();
    } catch (error) {
      return problemOf(error);
    }
    await Promise.all([this.load(log), this.#refresh(log)]);
    return undefined;
  }

  async #refresh(log: ConversationLog): Promise<void> {
    // The stream delivers the new count as well; without this only the list is newer.
    await this.#workspace.conversations.fetch(log.id).catch(() => undefined);
  }
}
