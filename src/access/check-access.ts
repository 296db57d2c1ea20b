import { type Operation, whenBoth } from "../call.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { AccessDependencies } from "./dependencies.ts";
import { decide } from "./policy.ts";

/** CheckAccess: decides on one owner by the scope of the user. */
export const checkAccess =
  ({
    access,
    owners,
    freshness,
  }: Pick<AccessDependencies, "access" | "owners" | "freshness">): Operation<typeof ProfileService.method.checkAccess> =>
  (call, request) => {
    const reading = freshness.reading(request.consistency);
    const { userId, relation, target } = request;
    return whenBoth(access.scope(call, { userId, relation }, reading), owners(call, [target], reading), ({ scope }, [owner]) =>
      decide(scope, owner),
    );
  };
