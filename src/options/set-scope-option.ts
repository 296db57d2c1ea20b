import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { etagOfLife, requireEtag } from "../versions/etag.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { type OptionScopes, scopeNotFound } from "./option-scopes.ts";
import { type Growth, refusalsOf } from "./quota.ts";
import type { Scope } from "./scope.ts";
import { type ScopeOptionRow, toScopeOption } from "./scope-option.mapping.ts";
import { scopeOptionColumns, storedScopeOption } from "./stored-scope-option.ts";
import { aggregateOfScope, scopeOfTarget } from "./target.ts";
import { jsonOf } from "./value.ts";

type Stored = ScopeOptionRow & Growth;

/**
 * Stores a scope option. No row comes back when an equal value with an equal lock is stored already. All parts of the
 * statement but the first see the state before it.
 */
const upsert = async (
  tx: Tx,
  scopes: OptionScopes,
  scope: Scope,
  key: string,
  json: string,
  locked: boolean,
): Promise<Stored | undefined> => {
  const { before, isOpen } = scopes.gate([scope]);
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

/** SetScopeOption: stores the default, or with `locked` the value, of everybody's, an organization's or a project's users. */
export const setScopeOption =
  ({
    write,
    registry,
    optionScopes,
    quotas,
  }: Pick<OptionDependencies, "write" | "registry" | "optionScopes" | "quotas">): Operation<
    typeof UserOptionService.method.setScopeOption
  > =>
  (call, request) => {
    const { key, value, locked, etag, requestId } = request;
    if (value === undefined) throw invalidField("value", "is required");
    const json = jsonOf(value);
    const scope = scopeOfTarget(request.target);
    const method = UserOptionService.method.setScopeOption;
    return write(call, { method, request, aggregates: [aggregateOfScope(scope)], requestId }, async (tx) => {
      // When the write is known to be new: the definitions may have changed since its first answer.
      registry.assertFits({ key, json, field: "value" });
      const before = etag === "" ? undefined : await storedScopeOption(tx, optionScopes, scope, key);
      requireEtag(etag, before && etagOfLife(before), "option");
      const stored = await upsert(tx, optionScopes, scope, key, json, locked);
      for (const refusal of refusalsOf(stored ? [stored] : [], quotas).values()) throw refusal;
      const row = stored ?? (await storedScopeOption(tx, optionScopes, scope, key));
      if (row === undefined) throw scopeNotFound();
      return { option: toScopeOption(row), created: stored?.added ?? false, changed: stored !== undefined };
    });
  };
