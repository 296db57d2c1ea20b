import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { restUntil } from "../cache/certificate.ts";
import { stalenessOf } from "../cache/freshness.ts";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Operation, whenBoth, whenReady } from "../call.ts";
import { type OptionLevelSchema, OptionSource, type ResolvedOptionSchema } from "../gen/userd/v1/user_option_pb.ts";
import type { ResolvedOptionsSchema, ResolveOptionsRequest, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { encodeKey } from "../versions/key.ts";
import { completed, isAlive } from "./cached-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { answerOnce, createQuestions, isSmall } from "./kept-answers.ts";
import { hiddenKeys, requireReadable } from "./key-access.ts";
import { readScopes } from "./live-scopes.ts";
import type { CheckedDefinition } from "./registry/load.ts";
import type { OptionRegistry } from "./registry/registry.ts";
import { type LevelValue, levelOf, levels, type Resolution, resolve } from "./resolution.ts";
import { type Scope, ScopeKind } from "./scope.ts";
import type { CachedScope } from "./scope-option.lookup.ts";
import type { CachedOptions } from "./user-options.lookup.ts";
import { toValue } from "./value.ts";

/**
 * The stored options of one user, as a map from key to values by ScopeKind, and the user's primary address. `isLasting` false = one of them
 * expires.
 */
type UserLevels = {
  readonly email: string;
  readonly options: ReadonlyMap<string, readonly JsonValue[]>;
  readonly isLasting: boolean;
};

type ResolvedOption = MessageInitShape<typeof ResolvedOptionSchema>;
type ResolvedUser = MessageInitShape<typeof ResolvedOptionsSchema>;

/** The scopes of the request; an id of 0 takes no part. */
const scopesOf = ({ projectId, organizationId }: ResolveOptionsRequest): readonly Scope[] => [
  { kind: ScopeKind.GLOBAL, id: 0n },
  ...(organizationId === 0n ? [] : [{ kind: ScopeKind.ORGANIZATION, id: organizationId }]),
  ...(projectId === 0n ? [] : [{ kind: ScopeKind.PROJECT, id: projectId }]),
];

/** One key of a question, with the levels that all users share. */
type Key = {
  readonly key: string;
  readonly definition: CheckedDefinition | undefined;
  /** The shared levels in the order of the table; all are below what users have set themselves. */
  readonly shared: readonly LevelValue[];
  /** The answer for users who have nothing of their own, once one was asked for. It is frozen: it is encoded once. */
  answer?: ResolvedOption;
};

/** What a call asks of each user, and what its users share. The next call that asks the same has the same object. */
type Question = {
  /** The kinds of scopes, and what the cache holds of each; a scope whose options can't be read has none. */
  readonly kinds: readonly ScopeKind[];
  readonly scopes: readonly CachedScope[];
  readonly definitions: ReadonlyMap<string, CheckedDefinition>;
  /** The keys of the request, in its order; none = all but the hidden ones. */
  readonly named: readonly string[];
  readonly isNamed: (key: string) => boolean;
  readonly hidden: ReadonlySet<string>;
  readonly keys: Map<string, Key>;
};

const keyOf = (key: string, { kinds, scopes, definitions }: Question): Key => {
  const definition = definitions.get(key);
  const shared: LevelValue[] = [];
  for (const { source, scope, holder } of levels) {
    if (holder === "scope" && scope !== undefined) {
      const option = scopes[kinds.indexOf(scope)]?.options.get(key);
      if (option !== undefined) shared.push({ source, value: option.json, locked: option.locked });
    }
    if (holder === "definition" && definition?.default !== undefined) shared.push({ source, value: definition.default, locked: false });
  }
  return { key, definition, shared };
};

const prepared = (question: Question, key: string): Key => {
  const known = question.keys.get(key) ?? keyOf(key, question);
  question.keys.set(key, known);
  return known;
};

/** Returns the keys of a question in the order of the answer, which for a call that names none depends on what the user has. */
const keysOf = (question: Question, { options }: UserLevels): readonly string[] => {
  const { named, scopes, definitions, hidden } = question;
  if (named.length > 0) return named;
  const ofScopes = scopes.flatMap((scope) => [...scope.options.keys()]);
  return [...new Set([...definitions.keys(), ...ofScopes, ...options.keys()])].filter((key) => !hidden.has(key)).sort();
};

/** Returns the options of one user that a question is about, keyed by key instead of by scope. */
const levelsOfUser = (
  cached: readonly CachedOptions[],
  { kinds, scopes, isNamed }: Question,
  databaseTime: () => number,
  { foundations }: ReadConsistency,
): UserLevels => {
  const options = new Map<string, JsonValue[]>();
  let isLasting = true;
  for (const [index, { keys, values, expireTimes }] of cached.entries()) {
    const kind = kinds[index];
    if (kind === undefined || !scopes[index]?.isLive) continue;
    for (const [position, key] of keys.entries()) {
      if (!isNamed(key)) continue;
      const expireTime = expireTimes[position];
      if (!isAlive(expireTime, databaseTime)) continue;
      if (typeof expireTime === "number") {
        restUntil(foundations, expireTime);
        isLasting = false;
      }
      const ofKey = options.get(key) ?? [];
      ofKey[kind] = values[position] as JsonValue;
      options.set(key, ofKey);
    }
  }
  return { email: cached[0]?.email ?? "", options, isLasting };
};

/** The levels of one user that have a value: the user's own, the shared ones, and the primary address where that is the default. */
const levelsOf = ({ key, definition, shared }: Key, { email, options }: UserLevels): readonly LevelValue[] => {
  const own = options.get(key);
  const isAddress = definition?.type === "verified_email" && email !== "";
  if (own === undefined && !isAddress) return shared;
  const cached: LevelValue[] = [];
  for (const { source, scope, holder } of levels) {
    const value = holder === "user" && scope !== undefined ? own?.[scope] : undefined;
    if (value !== undefined) cached.push({ source, value, locked: false });
  }
  cached.push(...shared);
  if (isAddress) cached.push({ source: OptionSource.DEFINITION, value: email, locked: false });
  return cached;
};

const toResolvedOption = (
  key: string,
  { value, source, locked }: Resolution,
  trail: MessageInitShape<typeof OptionLevelSchema>[] | undefined,
): ResolvedOption => ({
  key,
  found: value !== undefined,
  source,
  locked,
  ...(value !== undefined && { value: toValue(value) }),
  ...(trail && { trail }),
});

/** Resolves one key for one user. */
const resolved = (key: Key, user: UserLevels): ResolvedOption => {
  const found = levelsOf(key, user);
  if (found !== key.shared) return toResolvedOption(key.key, resolve(found, key.definition), undefined);
  key.answer ??= Object.freeze(toResolvedOption(key.key, resolve(found, key.definition), undefined));
  return key.answer;
};

/** The trail of one key as the API shows it. Only the user's own values are checked against the scopes of the definition. */
const toTrail = (registry: OptionRegistry, key: string, { trail }: Resolution): MessageInitShape<typeof OptionLevelSchema>[] =>
  trail.map(({ source, value, locked }) => {
    const { holder, scope } = levelOf(source);
    const scopeKind = holder === "user" ? scope : undefined;
    const misfit = registry.misfit({ key, value, ...(scopeKind !== undefined && { scopeKind }) });
    return { source, value: toValue(value), locked, invalid: misfit !== undefined };
  });

const explained = (registry: OptionRegistry, key: Key, user: UserLevels): ResolvedOption => {
  const resolution = resolve(levelsOf(key, user), key.definition);
  return toResolvedOption(key.key, resolution, toTrail(registry, key.key, resolution));
};

/** Makes the function that returns the question of a call: the object of the call before that asked the same, if the cache holds the same. */
const createQuestionOf = () => {
  const questions = createQuestions<Question>();
  return (
    { keys, projectId, organizationId }: ResolveOptionsRequest,
    { kinds, scopes, definitions, hidden }: Pick<Question, "kinds" | "scopes" | "definitions" | "hidden">,
  ): Question => {
    const text = encodeKey(organizationId, projectId, ...(keys.length > 0 ? ["only", ...keys] : ["but", ...hidden]));
    const known = questions.get(text);
    if (known?.definitions === definitions && known.scopes.every((scope, index) => scope === scopes[index])) return known;
    const named = new Set(keys);
    const isNamed = (key: string) => named.size === 0 || named.has(key);
    const question: Question = { kinds, scopes, definitions, named: keys, isNamed, hidden, keys: new Map() };
    questions.set(text, question);
    return question;
  };
};

/** ResolveOptions: computes the effective values of options for many users through the cache, by a few statements for any number of users. */
export const resolveOptions = (app: OptionDependencies): Operation<typeof UserOptionService.method.resolveOptions> => {
  const { userOptions, scopeOptions, freshness, registry, databaseTime } = app;
  const questionOf = createQuestionOf();
  return (call, request) => {
    const { userIds, keys, explain } = request;
    for (const key of keys) requireReadable(registry, call, key);
    const hidden = hiddenKeys(registry, call);
    const reading = freshness.reading(request.consistency, request.certify);
    const scopes = scopesOf(request);
    const kinds = scopes.map(({ kind }) => kind);

    const resolveAll = (cached: readonly CachedOptions[], ofScopes: readonly CachedScope[]) => {
      const question = questionOf(request, { kinds, scopes: ofScopes, definitions: registry.definitions(), hidden });
      const answer = (ofUser: readonly CachedOptions[]): { answer: ResolvedUser; isLasting: boolean } => {
        const [first] = ofUser;
        const userId = first?.key.userId ?? 0n;
        if (!first?.userFound) return { answer: { userId, userFound: false }, isLasting: true };
        const user = levelsOfUser(ofUser, question, databaseTime, reading);
        const wanted = keysOf(question, user).map((key) => prepared(question, key));
        const options = wanted.map((key) => (explain ? explained(registry, key, user) : resolved(key, user)));
        return { answer: { userId, userFound: true, options }, isLasting: user.isLasting && isSmall(options.length, ofUser) };
      };
      const results = userIds.map((_, index) => {
        const place = { from: index * scopes.length, to: (index + 1) * scopes.length };
        return explain ? answer(cached.slice(place.from, place.to)).answer : answerOnce(question, cached, place, answer);
      });
      return { results, ...stalenessOf(reading), ...freshness.certificateOf(reading) };
    };

    const wanted = userIds.flatMap((userId) => scopes.map((scope) => ({ userId, scope })));
    const read = whenBoth(
      userOptions.getAll(call, wanted, reading),
      readScopes(scopeOptions, call, scopes, reading),
      (cached, ofScopes) => ({ cached, ofScopes }),
    );
    return whenReady(read, ({ cached, ofScopes }) =>
      whenReady(completed(app, call, cached, keys, reading), (whole) => resolveAll(whole, ofScopes)),
    );
  };
};
