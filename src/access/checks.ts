import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Call, type Operation, whenBoth, whenReady } from "../call.ts";
import { AccessRule, type GetAccessScopeResponseSchema } from "../gen/userd/v1/access_pb.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { AccessQuestion } from "./access.ts";
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

/** Returns the different questions that checks ask, and for each check the position of its question. */
const questionsOf = (
  checks: readonly AccessQuestion[],
): { readonly questions: readonly AccessQuestion[]; readonly positions: number[] } => {
  const questions: AccessQuestion[] = [];
  const [read, own] = [new Map<bigint, number>(), new Map<bigint, number>()];
  const positions = checks.map(({ userId, relation }) => {
    const byUser = relation === AccessRelation.OWN ? own : read;
    const known = byUser.get(userId);
    if (known !== undefined) return known;
    const position = questions.push({ userId, relation }) - 1;
    byUser.set(userId, position);
    return position;
  });
  return { questions, positions };
};

/** BatchCheckAccess: answers many checks of access. It computes the `Scope` of a user only once per relation (to read, or to own). */
export const batchCheckAccess =
  ({ access, owners, freshness }: AccessDependencies): Operation<typeof method.batchCheckAccess> =>
  (call, request) => {
    const reading = freshness.reading(request.consistency);
    const { questions, positions } = questionsOf(request.checks);
    const targets = request.checks.map(({ target }) => target);
    return whenBoth(access.scopes(call, questions, reading), owners(call, targets, reading), (answers, found) => ({
      results: positions.map((position, index): Decision => {
        const answer = answers[position];
        if (answer === undefined) throw new Error("Every question has an answer.");
        return toldTo(call, decide(answer.scope, found[index]));
      }),
    }));
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
