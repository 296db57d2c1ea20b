import { sql } from "kysely";
import { stalenessOf } from "../cache/freshness.ts";
import { type Operation, whenReady } from "../call.ts";
import { withinPage } from "../db/page.ts";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/write.ts";
import { invalidField, notFound } from "../errors.ts";
import { ListScopeOptionsRequestSchema, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { etagOfLife, requireEtag } from "../versions/etag.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { hiddenKeys, requireReadable, requireWritable, withoutHiddenValue } from "./key-access.ts";
import { readScopes } from "./live-scopes.ts";
import { type ScopeOptionRow, toScopeOption } from "./option.mapping.ts";
import { type OptionScopes, scopeNotFound } from "./option-scopes.ts";
import { type Growth, refusalsOf } from "./quota.ts";
import type { Scope } from "./scope.ts";
import { aggregateOfScope, scopeOfTarget } from "./target.ts";
import { jsonOf, sentBytes } from "./value.ts";

const { method } = UserOptionService;

/** The columns of a scope option, in the alias `o`. They are named, since a prepared `*` fails when a migration adds a column. */
const scopeOptionColumns = sql.raw(
  "o.id, o.scope_kind, o.scope_id, o.key, o.value, o.bytes, o.locked, o.create_time, o.update_time, o.version",
);

const storedScopeOption = async (
  session: Session,
  { live }: OptionScopes,
  { kind, id }: Scope,
  key: string,
): Promise<ScopeOptionRow | undefined> => {
  return session.row(sql<ScopeOptionRow>`
    select ${scopeOptionColumns} from scope_option o
    where o.scope_kind = ${kind} and o.scope_id = ${id} and o.key = ${key} and ${live}`);
};

type Stored = ScopeOptionRow & Growth;

/** Stores a scope option; undefined = nothing changed. All parts of the statement but the first see the state before it. */
const upsert = async (
  tx: Tx,
  scopes: OptionScopes,
  scope: Scope,
  key: string,
  json: string,
  locked: boolean,
): Promise<Stored | undefined> => {
  const { before, isOpen } = scopes.openFor([scope]);
  const inScope = sql`scope_kind = ${scope.kind} and scope_id = ${scope.id}`;
  return tx.row(sql<Stored>`
    with ${before} o as (
      insert into scope_option as o (scope_kind, scope_id, key, value, locked, create_time, update_time)
      select w.kind, w.id, ${key}, ${json}::jsonb, ${locked}, statement_timestamp(), statement_timestamp()
      from (values (${scope.kind}::smallint, ${scope.id}::bigint)) as w (kind, id) where ${isOpen(sql.raw("w.kind"), sql.raw("w.id"))}
      on conflict (scope_kind, scope_id, key) do update set
        value = excluded.value, locked = excluded.locked, update_time = excluded.update_time, version = o.version + 1
        where (o.value, o.locked) is distinct from (excluded.value, excluded.locked)
      returning ${scopeOptionColumns}
    )
    select ${scopeOptionColumns}, b.id is null as added, o.bytes - coalesce(b.bytes, 0) as grown_by,
      (select count(*) from scope_option where ${inScope})::int as used_options,
      coalesce((select sum(bytes) from scope_option where ${inScope}), 0)::float8 as used_bytes
    from o left join scope_option b on (b.scope_kind, b.scope_id, b.key) = (o.scope_kind, o.scope_id, o.key)`);
};

/** SetScopeOption: stores a scope option for everybody, an organization or a project. Users can't override a `locked` one. */
export const setScopeOption =
  ({ write, registry, optionScopes, quotas }: OptionDependencies): Operation<typeof method.setScopeOption> =>
  (call, request) => {
    const { key, value, locked, etag } = request;
    if (value === undefined) throw invalidField("value", "is required");
    const json = jsonOf(value);
    const scope = scopeOfTarget(request.target);
    return write(call, { method: method.setScopeOption, request, aggregates: [aggregateOfScope(scope)] }, async (tx) => {
      requireWritable(registry, call, key);
      // When the write is known to be new: the definitions may have changed since its first answer.
      registry.assertFits({ key, json, field: "value" });
      const before = etag === "" ? undefined : await storedScopeOption(tx, optionScopes, scope, key);
      requireEtag(etag, before && etagOfLife(before), "option");
      const stored = await upsert(tx, optionScopes, scope, key, json, locked);
      for (const refusal of refusalsOf(stored ? [stored] : [], quotas).values()) throw refusal;
      const row = stored ?? (await storedScopeOption(tx, optionScopes, scope, key));
      if (row === undefined) throw scopeNotFound();
      return {
        option: withoutHiddenValue(registry, call, toScopeOption(row)),
        created: stored?.added ?? false,
        changed: stored !== undefined,
      };
    });
  };

/** GetScopeOption: reads one scope option from the cache. */
export const getScopeOption =
  ({ scopeOptions, freshness, registry }: OptionDependencies): Operation<typeof method.getScopeOption> =>
  (call, request) => {
    requireReadable(registry, call, request.key);
    const reading = freshness.reading(request.consistency);
    return whenReady(readScopes(scopeOptions, call, [scopeOfTarget(request.target)], reading), ([scope]) => {
      const cached = scope?.options.get(request.key);
      if (cached === undefined) throw notFound("OPTION_NOT_FOUND", "There is no such option.");
      return { option: cached.option, ...stalenessOf(reading) };
    });
  };

/** ListScopeOptions: reads a page of the scope options of one scope, ordered by key, in one statement. */
export const listScopeOptions =
  ({ db, freshness, pager, optionScopes, registry }: OptionDependencies): Operation<typeof method.listScopeOptions> =>
  async (call, request) => {
    const { kind, id } = scopeOfTarget(request.target);
    const page = pager(call, ListScopeOptionsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const [after = ""] = page.after ?? [];
    const rows = await db.session(call).rows(
      withinPage(sql<ScopeOptionRow>`
      select ${scopeOptionColumns} from scope_option o where o.scope_kind = ${kind} and o.scope_id = ${id} and o.key > ${after}
        and o.key <> all(${[...hiddenKeys(registry, call)]}::text[]) and ${optionScopes.live}
      order by o.key limit ${page.size + 1}`),
    );
    const { rows: shown, nextPageToken } = page.cut(
      rows,
      ({ key }) => [key],
      ({ bytes, value }) => sentBytes(bytes, value),
    );
    return { options: shown.map(toScopeOption), nextPageToken };
  };

/** DeleteScopeOption: deletes one scope option. Users of the scope get at once the values that the option hid or overrode. */
export const deleteScopeOption =
  ({ write, optionScopes, registry }: OptionDependencies): Operation<typeof method.deleteScopeOption> =>
  (call, request) => {
    const { key, etag, allowMissing } = request;
    const scope = scopeOfTarget(request.target);
    return write(call, { method: method.deleteScopeOption, request, aggregates: [aggregateOfScope(scope)] }, async (tx) => {
      requireWritable(registry, call, key);
      const row = await storedScopeOption(tx, optionScopes, scope, key);
      requireEtag(etag, row && etagOfLife(row), "option");
      if (row === undefined) {
        if (allowMissing) return {};
        throw notFound("OPTION_NOT_FOUND", "There is no such option.");
      }
      await tx.rows(sql`delete from scope_option where id = ${row.id}`);
      return { option: withoutHiddenValue(registry, call, toScopeOption(row)) };
    });
  };
