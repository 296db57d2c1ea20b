import { forbidden } from "../../errors.ts";
import type { Interceptor } from "./interceptor.ts";

/** Refuses the call of a caller that lacks the RPC's permission. Rules that depend on the resource are checked by the operation. */
export const authorize: Interceptor = ({ name, permission }) => {
  const refusal = `${name} needs the permission ${permission}.`;
  return (next) => (invocation, received) => {
    if (!invocation.caller?.permissions.has(permission)) {
      throw forbidden("PERMISSION_REQUIRED", refusal, { metadata: { permission } });
    }
    return next(invocation, received);
  };
};
