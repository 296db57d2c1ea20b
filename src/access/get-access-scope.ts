import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Operation, whenReady } from "../call.ts";
import type { GetAccessScopeResponseSchema } from "../gen/userd/v1/access_pb.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { AccessDependencies } from "./dependencies.ts";
import { ownersOf, type Scope } from "./policy.ts";

const toScope = (scope: Scope): NonNullable<MessageInitShape<typeof GetAccessScopeResponseSchema>["scope"]> =>
  scope.kind === "set" ? { case: "set", value: ownersOf(scope) } : { case: scope.kind, value: true };

/** GetAccessScope: the scope of a user as lists of profiles and accounts, for the queries of other services. */
export const getAccessScope =
  ({ access, freshness }: Pick<AccessDependencies, "access" | "freshness">): Operation<typeof ProfileService.method.getAccessScope> =>
  (call, request) =>
    whenReady(access.scope(call, request, freshness.reading(request.consistency)), ({ scope, revision }) => ({
      scope: toScope(scope),
      revision,
    }));
