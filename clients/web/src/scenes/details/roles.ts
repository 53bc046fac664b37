import { Person_State as State, type Person } from '@/gen/plexus/directory/v1/people_pb';
import { Member_Role as Role, type Member } from '@/gen/plexus/messaging/v1/conversations_pb';
import type { RoleChange } from '@/stores/members';

const ROLES = [Role.MEMBER, Role.ADMIN, Role.OWNER] as const;

interface Names {
  readonly member: string;
  readonly admin: string;
  readonly owner: string;
}

export function roleName(role: Role, names: Names): string {
  if (role === Role.OWNER) return names.owner;
  return role === Role.ADMIN ? names.admin : names.member;
}

/** Return whether a person can sign in; true while the person is not known yet. */
export function isActive(person: Person | undefined): boolean {
  return person === undefined || person.state === State.ACTIVE;
}

/**
 * Return the role that counts when this user changes roles. Where no owner can sign in any more,
 * the highest role of those who can counts as an owner's, as on the server.
 */
export function authorityOf(
  members: readonly Member[],
  own: Role,
  isActive: (personId: string) => boolean,
): Role {
  const isOutranked = members.some(({ personId, role }) => role > own && isActive(personId));
  return isOutranked ? own : Role.OWNER;
}

interface Changing {
  readonly authority: Role;
  /** Role of this user. */
  readonly own: Role;
  /** True for this user's own entry. */
  readonly isOwn: boolean;
}

/** Return the changes of a member's role that this user may choose; none without the permission. */
export function roleChoices(member: Member, { authority, own, isOwn }: Changing): RoleChange[] {
  if (authority < Role.ADMIN || member.role > authority) return [];
  const changes: RoleChange[] = ROLES.filter(
    (role) => role <= authority && role !== member.role,
  ).map((role) => ({ role }));
  if (own === Role.OWNER && !isOwn) changes.push({ role: Role.OWNER, transfer: true });
  return changes;
}
