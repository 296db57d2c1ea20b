import type { Operations } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { assignRole } from "./assign-role.ts";
import { checkPermissions } from "./check-permissions.ts";
import { createRole } from "./create-role.ts";
import { deleteRole } from "./delete-role.ts";
import { grantPermission } from "./grant-permission.ts";
import { listRoles } from "./list-roles.ts";
import { revokePermission } from "./revoke-permission.ts";
import { unassignRole } from "./unassign-role.ts";
import { updateRole } from "./update-role.ts";

/** The RPCs of permissions and roles, one file each. */
export const roleOperations = (app: Dependencies) =>
  ({
    grantPermission: grantPermission(app),
    revokePermission: revokePermission(app),
    checkPermissions: checkPermissions(app),
    createRole: createRole(app),
    updateRole: updateRole(app),
    deleteRole: deleteRole(app),
    listRoles: listRoles(app),
    assignRole: assignRole(app),
    unassignRole: unassignRole(app),
  }) satisfies Partial<Operations<typeof UserService>>;
