import { forbidden } from "../../errors.ts";
import type { Interceptor } from "./interceptor.ts";

/** Lets a caller in that has the permission which the RPC names. What depends on the resource is the operation's. */
export const authorize: Interceptor = ({ name, permission }) => {
  const refusal = `${name} needs the permission ${permission}.`;
  return (next) => (invocation, received) => {
    if (!invocation.caller?.permissions.has(permission)) {
      throw forbidden("PERMISSION_REQUIRED", refusal, { metadata: { permission } });
    }
    return next(invocation, received);
  };
};
