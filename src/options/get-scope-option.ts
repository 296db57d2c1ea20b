import { stalenessOf } from "../cache/freshness.ts";
import { type Operation, whenReady } from "../call.ts";
import { notFound } from "../errors.ts";
import type { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { readScopes } from "./live-scopes.ts";
import { scopeOfTarget } from "./target.ts";

/** GetScopeOption: reads one option of a scope from the cache. */
export const getScopeOption =
  ({
    scopeOptions,
    freshness,
  }: Pick<OptionDependencies, "scopeOptions" | "freshness">): Operation<typeof UserOptionService.method.getScopeOption> =>
  (call, request) => {
    const reading = freshness.reading(request.consistency);
    return whenReady(readScopes(scopeOptions, call, [scopeOfTarget(request.target)], reading), ([scope]) => {
      const cached = scope?.options.get(request.key);
      if (cached === undefined) throw notFound("OPTION_NOT_FOUND", "There is no such option.");
      return { option: cached.option, ...stalenessOf(reading) };
    });
  };
