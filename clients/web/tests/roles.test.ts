import { create } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';

import { MemberSchema, Member_Role as Role } from '@/gen/plexus/messaging/v1/conversations_pb';
import { authorityOf, roleChoices } from '@/scenes/details/roles';

const memberOf = (personId: string, role: Role) => create(MemberSchema, { personId, role });
const GROUP = [
  memberOf('owner', Role.OWNER),
  memberOf('admin', Role.ADMIN),
  memberOf('member', Role.MEMBER),
];

it.each([
  ['owner', [], Role.OWNER],
  ['admin', [], Role.ADMIN],
  ['admin', ['owner'], Role.OWNER],
  ['member', ['owner'], Role.MEMBER],
  ['member', ['owner', 'admin'], Role.OWNER],
])('the authority of %s without %j is %i', (id, gone: string[], authority) => {
  const own = GROUP.find(({ personId }) => personId === id)?.role ?? Role.MEMBER;
  expect(authorityOf(GROUP, own, (other) => !gone.includes(other))).toBe(authority);
});

it('members give no role, administrators roles up to their own', () => {
  const as = (own: Role, target: Role, isOwn = false) =>
    roleChoices(memberOf('other', target), { authority: own, own, isOwn });
  expect(as(Role.MEMBER, Role.MEMBER)).toEqual([]);
  expect(as(Role.ADMIN, Role.OWNER)).toEqual([]);
  expect(as(Role.ADMIN, Role.MEMBER)).toEqual([{ role: Role.ADMIN }]);
  expect(as(Role.ADMIN, Role.ADMIN, true)).toEqual([{ role: Role.MEMBER }]);
});

it('an owner makes other owners, or hands the group over', () => {
  const owner = { authority: Role.OWNER, own: Role.OWNER };
  expect(roleChoices(memberOf('other', Role.MEMBER), { ...owner, isOwn: false })).toEqual([
    { role: Role.ADMIN },
    { role: Role.OWNER },
    { role: Role.OWNER, transfer: true },
  ]);
  expect(roleChoices(memberOf('own', Role.OWNER), { ...owner, isOwn: true })).toEqual([
    { role: Role.MEMBER },
    { role: Role.ADMIN },
  ]);
});
