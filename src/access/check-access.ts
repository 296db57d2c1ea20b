import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { ProfileService } from "../gen/users/v1/profile_service_pb.ts";
import { decide } from "./policy.ts";

/** CheckAccess: what the scope says of one owner. */
export const checkAccess =
  ({
    access,
    owners,
    freshness,
  }: Pick<Dependencies, "access" | "owners" | "freshness">): Operation<typeof ProfileService.method.checkAccess> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const { userId, relation, target } = request;
    const [{ scope }, [owner]] = await Promise.all([access.scope(call, { userId, relation }), owners(call, [target])]);
    return decide(scope, owner);
  };
