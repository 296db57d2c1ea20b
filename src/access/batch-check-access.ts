import type { Operation } from "../call.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { AccessDependencies } from "./dependencies.ts";
import { type Decision, decide } from "./policy.ts";

/** BatchCheckAccess: makes the scope of a user once for each relation, whatever the number of the user's checks. */
export const batchCheckAccess =
  ({
    access,
    owners,
    freshness,
  }: Pick<AccessDependencies, "access" | "owners" | "freshness">): Operation<typeof ProfileService.method.batchCheckAccess> =>
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
      return decide(scope, found[index]);
    });
    return { results };
  };
