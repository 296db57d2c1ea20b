import { isForOneUser } from "../../contract/acting.ts";
import { forbidden } from "../../errors.ts";
import type { Interceptor } from "./interceptor.ts";
import { actingUserRequired } from "./permit.ts";

/**
 * Refuses the call of a caller that lacks the RPC's permission, or is bound to an acting user and names none or calls what is not for one user.
 * Rules that depend on the resource are checked by the operation.
 */
export const authorize: Interceptor = ({ name, permission, method }) => {
  const isForUsers = isForOneUser(method);
  const refusal = `${name} needs the permission ${permission}.`;
  return (next) => (invocation, received) => {
    if (!invocation.caller?.permissions.has(permission)) {
      throw forbidden("PERMISSION_REQUIRED", refusal, { metadata: { permission } });
    }
    if (invocation.caller.actsAs === "self") {
      if (invocation.actingUserId === undefined) throw actingUserRequired();
      if (!isForUsers) throw forbidden("PERMISSION_REQUIRED", `${name} is not for callers that act for one user.`);
    }
    return next(invocation, received);
  };
};
