import type { Call } from "../call.ts";
import { forbidden } from "../errors.ts";

const needed = { metadata: { permission: "users.admin" } };

/**
 * Raising a staff or superuser flag: the caller has to have users.admin, and a user that it acts for has to have been
 * granted it too. Users have no permissions yet, so nobody who acts for a user raises flags.
 * @throws PERMISSION_DENIED PERMISSION_REQUIRED.
 */
export const assertMayRaise = (call: Call): void => {
  if (!call.caller.permissions.has("users.admin")) {
    throw forbidden("PERMISSION_REQUIRED", "Raising is_staff or is_superuser needs the permission users.admin.", needed);
  }
  if (call.actingUserId !== undefined) {
    throw forbidden("PERMISSION_REQUIRED", "The acting user lacks the permission users.admin.", needed);
  }
};
