import { stalenessOf } from "../cache/freshness.ts";
import { type Operation, whenReady } from "../call.ts";
import type { BatchGetOptionsRequest, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { encodeKey } from "../versions/key.ts";
import { aliveOptions, readAllUserOptions } from "./cached-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { answerOnce, createQuestions, isSmall } from "./kept-answers.ts";
import { hiddenKeys, requireReadable } from "./key-access.ts";
import { MAX_CACHED_SCOPES, readManyScopes } from "./many-scopes.ts";
import { type Scope, ScopeKind, scopeOf } from "./scope.ts";
import type { CachedOptions } from "./user-options.lookup.ts";

/** The scopes of a request: its projects if it names any, else the scope of its two fields. */
const scopesOf = (request: BatchGetOptionsRequest): readonly Scope[] => {
  const projects = [...new Set(request.projectIds)].sort((a, b) => (a < b ? -1 : 1));
  return projects.length === 0 ? [scopeOf(request)] : projects.map((id) => ({ kind: ScopeKind.PROJECT, id }));
};

/** What is asked of each user of a call: options with these keys, or all but the hidden ones. */
type Question = { readonly keys: readonly string[]; readonly hidden: ReadonlySet<string> };

/** Makes the function that returns one object for the same question. */
const createQuestionOf = (): ((keys: readonly string[], hidden: ReadonlySet<string>) => Question) => {
  const questions = createQuestions<Question>();
  return (keys, hidden) => {
    const text = keys.length > 0 ? encodeKey("only", ...keys) : encodeKey("but", ...hidden);
    const known = questions.get(text);
    if (known !== undefined) return known;
    const question: Question = { keys, hidden };
    questions.set(text, question);
    return question;
  };
};

/** BatchGetOptions: reads options of many users through the cache. One statement reads all that the cache lacks. */
export const batchGetOptions = (app: OptionDependencies): Operation<typeof UserOptionService.method.batchGetOptions> => {
  const { freshness, databaseTime } = app;
  const questionOf = createQuestionOf();
  return (call, request) => {
    const { userIds } = request;
    const scopes = scopesOf(request);
    for (const key of request.keys) requireReadable(app.registry, call, key);
    const hidden = hiddenKeys(app.registry, call);
    if (userIds.length * scopes.length > MAX_CACHED_SCOPES) {
      return whenReady(freshness.check(call, request.consistency), async () => ({ results: await readManyScopes(app, call, request) }));
    }
    const reading = freshness.reading(request.consistency);
    const keys = [...new Set(request.keys)].sort();
    const question = questionOf(keys, hidden);
    const answer = (cached: readonly CachedOptions[]) => {
      const options = cached.flatMap((scope) => aliveOptions(scope, keys, databaseTime, hidden));
      return {
        answer: {
          userId: cached[0]?.key.userId ?? 0n,
          userFound: cached[0]?.userFound ?? false,
          options: options.map(({ option }) => option),
        },
        isLasting: isSmall(options.length, cached) && options.every(({ expireTime }) => expireTime === null),
      };
    };
    return whenReady(readAllUserOptions(app, call, { userIds, scopes, keys }, reading), (cached) => ({
      results: userIds.map((_, index) =>
        answerOnce(question, cached, { from: index * scopes.length, to: (index + 1) * scopes.length }, answer),
      ),
      ...stalenessOf(reading),
    }));
  };
};
