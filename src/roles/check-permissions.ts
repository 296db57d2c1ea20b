import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Operation } from "../call.ts";
import type { PermissionSourceSchema } from "../gen/userd/v1/permissions_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import type { UserDependencies } from "../users/dependencies.ts";
import { rolesOf } from "../users/full-user.ts";
import { isPresent } from "../users/present.ts";
import type { CachedUser } from "../users/user.lookup.ts";
import type { Roles } from "./role.lookup.ts";

type Source = MessageInitShape<typeof PermissionSourceSchema>;

/** Returns by what a user has a permission, its own grant first; nothing for a user who is unknown or not present. */
const sourcesOf = (user: CachedUser | undefined, permission: string, roles: Roles): Source[] => {
  if (user === undefined || !isPresent(user.row)) return [];
  const { own_permissions: own, role_ids: ids } = user.row;
  const names = ids.flatMap((id) => roles.get(id) ?? []).filter(({ permissions }) => permissions.includes(permission));
  const byRole = names.map(({ name }) => name).sort();
  return [
    ...(own.includes(permission) ? [{ source: { case: "ownGrant" as const, value: true } }] : []),
    ...byRole.map((name) => ({ source: { case: "roleName" as const, value: name } })),
  ];
};

/** CheckPermissions: returns for each check whether the user has the permission, and by which grant or roles. */
export const checkPermissions =
  ({ users, roleDefinitions, freshness }: UserDependencies): Operation<typeof UserService.method.checkPermissions> =>
  async (call, request) => {
    const { checks, consistency } = request;
    const reading = freshness.reading(consistency);
    const found = await users.getAll(
      call,
      checks.map(({ userId }) => userId),
      reading,
    );
    const roles = await rolesOf(
      roleDefinitions,
      call,
      found.map(({ user }) => user),
      reading,
    );
    const results = checks.map(({ permission }, index) => {
      const via = sourcesOf(found[index]?.user, permission, roles);
      return { allowed: via.length > 0, via };
    });
    return { results };
  };
