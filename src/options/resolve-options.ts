import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Call, Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Dependencies } from "../dependencies.ts";
import { type OptionLevelSchema, OptionSource, type ResolvedOptionSchema } from "../gen/users/v1/user_option_pb.ts";
import type { ResolveOptionsRequest, UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { alive } from "./option.select.ts";
import type { OptionScopes } from "./option-scopes.ts";
import type { CheckedDefinition } from "./registry/load.ts";
import type { OptionRegistry } from "./registry/registry.ts";
import { type LevelValue, levelOf, levels, type Resolution, resolve } from "./resolution.ts";
import { ScopeKind } from "./scope.ts";
import { toValue } from "./value.ts";

type UserOptionRow = { found_user: bigint; email: string; scope_kind: ScopeKind | null; key: string; value: JsonValue };
type ScopeOptionRow = { scope_kind: ScopeKind; key: string; value: JsonValue; locked: boolean };

/** Where to read, and what can be read there. */
type Read = { readonly db: Database; readonly live: OptionScopes["live"] };

/** What one holder has stored: by key, and then by scope. */
type Held<T> = Map<string, T[]>;

type UserLevels = { readonly email: string; readonly options: Held<JsonValue> };

const hold = <T>(held: Held<T>, key: string, scope: ScopeKind, value: T): void => {
  const scopes = held.get(key);
  if (scopes !== undefined) {
    scopes[scope] = value;
    return;
  }
  const first: T[] = [];
  first[scope] = value;
  held.set(key, first);
};

/** The scopes of the request, as a condition on the two columns; an id of 0 takes no part. */
const inScopes = ({ projectId, organizationId }: ResolveOptionsRequest) => sql`(
  o.scope_kind = ${ScopeKind.GLOBAL}
  or (o.scope_kind = ${ScopeKind.ORGANIZATION} and o.scope_id = ${organizationId})
  or (o.scope_kind = ${ScopeKind.PROJECT} and o.scope_id = ${projectId}))`;

const ofKeys = ({ keys }: ResolveOptionsRequest) => (keys.length === 0 ? sql`true` : sql`o.key = any(${keys}::text[])`);

const readUsers = async ({ db, live }: Read, call: Call, request: ResolveOptionsRequest): Promise<Map<bigint, UserLevels>> => {
  const { rows } = await sql<UserOptionRow>`
    select u.id as found_user, u.email, o.scope_kind, o.key, o.value
    from users u left join user_option o on o.user_id = u.id and ${inScopes(request)} and ${ofKeys(request)} and ${alive} and ${live}
    where u.id = any(${[...new Set(request.userIds)].map(String)}::bigint[])`.execute(db.sql, db.abort(call));
  const users = new Map<bigint, UserLevels>();
  for (const { found_user, email, scope_kind, key, value } of rows) {
    const user = users.get(found_user) ?? { email, options: new Map() };
    users.set(found_user, user);
    if (scope_kind !== null) hold(user.options, key, scope_kind, value);
  }
  return users;
};

const readScopes = async ({ db, live }: Read, call: Call, request: ResolveOptionsRequest): Promise<Held<ScopeOptionRow>> => {
  const { rows } = await sql<ScopeOptionRow>`
    select o.scope_kind, o.key, o.value, o.locked from scope_option o where ${inScopes(request)} and ${ofKeys(request)} and ${live}`.execute(
    db.sql,
    db.abort(call),
  );
  const held: Held<ScopeOptionRow> = new Map();
  for (const row of rows) hold(held, row.key, row.scope_kind, row);
  return held;
};

/** One key of a call, with the levels that are the same for all its users. */
type Key = {
  readonly key: string;
  readonly definition: CheckedDefinition | undefined;
  /** In the order of the table, below what users have set themselves. */
  readonly shared: readonly LevelValue[];
};

const keyOf = (key: string, scopes: Held<ScopeOptionRow>, registry: OptionRegistry): Key => {
  const definition = registry.get(key);
  const shared: LevelValue[] = [];
  for (const { source, scope, holder } of levels) {
    if (holder === "scope" && scope !== undefined) {
      const row = scopes.get(key)?.[scope];
      if (row !== undefined) shared.push({ source, value: row.value, locked: row.locked });
    }
    if (holder === "definition" && definition?.default !== undefined) shared.push({ source, value: definition.default, locked: false });
  }
  return { key, definition, shared };
};

/** The levels of one user that have a value: its own, the shared ones, and its primary address where that is the default. */
const levelsOf = ({ key, definition, shared }: Key, { email, options }: UserLevels): readonly LevelValue[] => {
  const own = options.get(key);
  const isAddress = definition?.type === "verified_email" && email !== "";
  if (own === undefined && !isAddress) return shared;
  const held: LevelValue[] = [];
  for (const { source, scope, holder } of levels) {
    const value = holder === "user" && scope !== undefined ? own?.[scope] : undefined;
    if (value !== undefined) held.push({ source, value, locked: false });
  }
  held.push(...shared);
  if (isAddress) held.push({ source: OptionSource.DEFINITION, value: email, locked: false });
  return held;
};

const toResolvedOption = (
  key: string,
  { value, source, locked }: Resolution,
  trail: MessageInitShape<typeof OptionLevelSchema>[] | undefined,
): MessageInitShape<typeof ResolvedOptionSchema> => ({
  key,
  found: value !== undefined,
  source,
  locked,
  ...(value !== undefined && { value: toValue(value) }),
  ...(trail && { trail }),
});

/** The trail of one key; only what a user has stored itself is held against the scopes of the definition. */
const toTrail = (registry: OptionRegistry, key: string, { trail }: Resolution): MessageInitShape<typeof OptionLevelSchema>[] =>
  trail.map(({ source, value, locked }) => {
    const { holder, scope } = levelOf(source);
    const scopeKind = holder === "user" ? scope : undefined;
    const misfit = registry.misfit({ key, value, ...(scopeKind !== undefined && { scopeKind }) });
    return { source, value: toValue(value), locked, invalid: misfit !== undefined };
  });

/** ResolveOptions: one statement for the users and their options, one for the scopes, whatever the number of users. */
export const resolveOptions =
  ({
    db,
    freshness,
    registry,
    optionScopes,
  }: Pick<Dependencies, "db" | "freshness" | "registry" | "optionScopes">): Operation<typeof UserOptionService.method.resolveOptions> =>
  async (call, request) => {
    const { userIds, keys, explain } = request;
    await freshness.check(call, request.consistency);
    const [users, scopes] = await Promise.all([
      readUsers({ db, live: optionScopes.live }, call, request),
      readScopes({ db, live: optionScopes.live }, call, request),
    ]);
    const everywhere = [...registry.list().map(({ key }) => key), ...scopes.keys()];
    const prepared = new Map<string, Key>();
    const prepare = (key: string): Key => {
      const known = prepared.get(key) ?? keyOf(key, scopes, registry);
      prepared.set(key, known);
      return known;
    };
    const requested = keys.map(prepare);
    const keysOf = ({ options }: UserLevels): readonly Key[] =>
      keys.length > 0 ? requested : [...new Set([...everywhere, ...options.keys()])].sort().map(prepare);

    const results = userIds.map((userId) => {
      const user = users.get(userId);
      if (user === undefined) return { userId, userFound: false };
      const options = keysOf(user).map((key) => {
        const resolution = resolve(levelsOf(key, user), key.definition);
        return toResolvedOption(key.key, resolution, explain ? toTrail(registry, key.key, resolution) : undefined);
      });
      return { userId, userFound: true, options };
    });
    return { results };
  };
