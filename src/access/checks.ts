import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Call, type Operation, whenBoth, whenReady } from "../call.ts";
import { AccessRule, type GetAccessScopeResponseSchema } from "../gen/userd/v1/access_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { AccessDependencies } from "./dependencies.ts";
import { type Decision, decide, ownersOf, type Scope } from "./policy.ts";

const { method } = ProfileService;

const notGranted: Decision = Object.freeze({ allowed: false, rule: AccessRule.NOT_GRANTED });

/** Returns what a call may learn of a decision: an acting user is not told whether what it has no access to exists. */
const toldTo = ({ actingUserId }: Call, decision: Decision): Decision =>
  actingUserId !== undefined && decision.rule === AccessRule.NO_OWNER ? notGranted : decision;

/** CheckAccess: decides whether a user may read, or own, the resources of one owner. */
export const checkAccess =
  ({ access, owners, freshness }: AccessDependencies): Operation<typeof method.checkAccess> =>
  (call, request) => {
    const { userId, relation, target, certify } = request;
    const reading = freshness.reading(request.consistency, certify);
    return whenBoth(access.scope(call, { userId, relation }, reading), owners(call, [target], reading), ({ scope }, [owner]) => {
      const decision = toldTo(call, decide(scope, owner));
      return certify ? { ...decision, ...freshness.certificateOf(reading) } : decision;
    });
  };

/** BatchCheckAccess: answers many checks of access. It computes the `Scope` of a user only once per relation (to read, or to own). */
export const batchCheckAccess =
  ({ access, owners, freshness }: AccessDependencies): Operation<typeof method.batchCheckAccess> =>
  async (call, request) => {
    const reading = freshness.reading(request.consistency);
    const { checks } = request;
    const keyOf = ({ userId, relation }: (typeof checks)[number]): string => `${userId}/${relation}`;
    const questions = new Map(checks.map((check) => [keyOf(check), check]));
    const targets = checks.map(({ target }) => target);
    const [answers, found] = await Promise.all([access.scopes(call, [...questions.values()], reading), owners(call, targets, reading)]);
    const scopes = new Map([...questions.keys()].map((key, index) => [key, answers[index]?.scope]));
    const results = checks.map((check, index): Decision => {
      const scope = scopes.get(keyOf(check));
      if (scope === undefined) throw new Error("Every question has an answer.");
      return toldTo(call, decide(scope, found[index]));
    });
    return { results };
  };

const toScope = (scope: Scope): NonNullable<MessageInitShape<typeof GetAccessScopeResponseSchema>["scope"]> =>
  scope.kind === "set" ? { case: "set", value: ownersOf(scope) } : { case: scope.kind, value: true };

/** GetAccessScope: returns whose resources a user may read or own: all, none, or lists of profiles and accounts to use in queries. */
export const getAccessScope =
  ({ access, freshness }: AccessDependencies): Operation<typeof method.getAccessScope> =>
  (call, request) =>
    whenReady(access.scope(call, request, freshness.reading(request.consistency)), ({ scope, revision }) => ({
      scope: toScope(scope),
      revision,
    }));
