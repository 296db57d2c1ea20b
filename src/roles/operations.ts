import type { Operations } from "../call.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import type { Dependencies } from "../dependencies.ts";
import { notYet } from "../users/not-yet.ts";

/** The RPCs of roles, one file each. */
export const roleOperations = (_app: Dependencies) =>
  ({
    grantPermission: notYet,
    revokePermission: notYet,
    checkPermissions: notYet,
    createRole: notYet,
    updateRole: notYet,
    deleteRole: notYet,
    listRoles: notYet,
    assignRole: notYet,
    unassignRole: notYet,
  }) satisfies Partial<Operations<typeof UserService>>;
