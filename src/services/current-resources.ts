import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import type { Call } from "../call.ts";
import type { Current, CurrentResources } from "../changes/current-resource.ts";
import type { FeedChange } from "../changes/feed-change.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { Database } from "../db/orm.ts";
import { forbidden, invalidField } from "../errors.ts";
import { type ChangeFilter, ChangeSchema } from "../gen/userd/v1/change_pb.ts";
import { toMessage } from "../kinds/row.ts";
import { rowsById } from "../kinds/rows-by-id.ts";
import { type OptionRow, toUserOption } from "../options/option.mapping.ts";
import { alive, optionColumns } from "../options/option.select.ts";
import type { OptionRegistry } from "../options/registry/registry.ts";
import type { Permission } from "../permissions.ts";
import { toUser } from "../users/user.mapping.ts";
import { selectBasicUsers } from "../users/user.select.ts";

/** A kind of resource whose current state can be sent. */
type Source = {
  readonly permission: string;
  readonly load: (call: Call, changes: readonly FeedChange[]) => Promise<ReadonlyMap<string, Current>>;
};

/** The resources of one snapshot page. */
const PAGE = 500;

const idsOf = (changes: readonly FeedChange[]): bigint[] => [...new Set(changes.map(({ key }) => BigInt(key)))];

const userOf = (row: Parameters<typeof toUser>[0]): Current => ({ resource: { case: "user", value: toUser(row) } });
const basic = { emails: null, permissions: null, role_names: null, has_2fa: null } as const;

const usersSource = (db: Database): Source => ({
  permission: "users.read" satisfies Permission,
  load: async (call, changes) => {
    const rows = await db.session(call).rows(selectBasicUsers(db.sql).where("users.id", "in", idsOf(changes)));
    return new Map(rows.map((row) => [String(row.id), userOf({ ...row, ...basic })]));
  },
});

const optionOf = (row: OptionRow): Current => ({ resource: { case: "userOption", value: toUserOption(row) } });
const keyOfOption = (change: FeedChange): string => `${change.aggregate}/${change.key}`;

const optionsSource = (db: Database, registry: OptionRegistry): Source => ({
  permission: "options.read" satisfies Permission,
  load: async (call, changes) => {
    const asked = changes.map(({ aggregate, key }) => {
      const [scopeKind = "", scopeId = ""] = key.split("/", 2);
      return { user: aggregate.slice("user/".length), scopeKind, scopeId, key: key.slice(scopeKind.length + scopeId.length + 2) };
    });
    const rows = await db.session(call).rows(sql<OptionRow>`
      select ${optionColumns} from unnest(${asked.map(({ user }) => user)}::bigint[], ${asked.map(({ scopeKind }) => scopeKind)}::smallint[],
        ${asked.map(({ scopeId }) => scopeId)}::bigint[], ${asked.map(({ key }) => key)}::text[]) as w (user_id, scope_kind, scope_id, key)
      join user_option o on o.user_id = w.user_id and o.scope_kind = w.scope_kind and o.scope_id = w.scope_id and o.key = w.key
      where ${alive}`);
    const { read: closed } = registry.closedTo(call.caller);
    return new Map(
      rows
        .filter(({ key }) => !closed.has(key))
        .map((row) => [`user/${row.user_id}/${row.scope_kind}/${row.scope_id}/${row.key}`, optionOf(row)]),
    );
  },
});

const typed: ReadonlySet<string> = new Set(["organization", "project", "team"]);

/** Makes the resource of a kind: one of the messages of the oneof, or any other. */
const currentOf = (kind: Kind, message: Record<string, unknown>): Current => ({
  resource: (typed.has(kind.name)
    ? { case: kind.name, value: message }
    : { case: "other", value: anyPack(kind.message, create(kind.message, message as never)) }) as Current["resource"] & object,
});

const kindSource = (db: Database, kind: Kind): Source => ({
  permission: kind.readPermission,
  load: async (call, changes) => {
    const rows = await rowsById(db.session(call), kind, idsOf(changes), []);
    return new Map(rows.map((row) => [String(row["id"]), currentOf(kind, toMessage(kind, row))]));
  },
});

/** A condition that a column has one of these ids; none where the filter names no owners at all. */
const among = (column: RawBuilder<unknown>, ids: readonly bigint[], { userIds, organizationIds, projectIds }: ChangeFilter) =>
  userIds.length + organizationIds.length + projectIds.length === 0 ? sql`true` : sql`${column} = any(${ids.map(String)}::bigint[])`;

/** Makes the reader of current resources over a database. */
export const createCurrentResources = (db: Database, registry: OptionRegistry): CurrentResources => {
  const sources = new Map<string, Source>([
    ["users", usersSource(db)],
    ["user_option", optionsSource(db, registry)],
    ...db.kinds.served
      .filter(({ isLarge }) => !isLarge)
      .map((kind): [string, Source] => [kind.table.replace(/^.*\./, ""), kindSource(db, kind)]),
  ]);

  const of: CurrentResources["of"] = async (call, changes) => {
    const byKind = Map.groupBy(changes, ({ kind }) => kind);
    const found = new Map<string, ReadonlyMap<string, Current>>();
    for (const [kind, some] of byKind) {
      const source = sources.get(kind);
      if (source !== undefined && call.caller.permissions.has(source.permission)) found.set(kind, await source.load(call, some));
    }
    return changes.map((change) => found.get(change.kind)?.get(change.kind === "user_option" ? keyOfOption(change) : change.key));
  };

  type Row = { readonly id: bigint; readonly owner: bigint; readonly key: string; readonly version: bigint };

  /** The keys of a page of one kind, with the versions of their aggregates. */
  const pageOf = (call: Call, kind: string, filter: ChangeFilter, after: bigint) => {
    const { userIds, organizationIds, projectIds, optionKeys } = filter;
    const [aggregate, table, owner, key, condition] = {
      users: ["user", sql`users`, sql`r.id`, sql`r.id::text`, among(sql`r.id`, userIds, filter)] as const,
      user_option: [
        "user",
        sql`user_option`,
        sql`r.user_id`,
        sql`concat_ws('/', r.scope_kind, r.scope_id, r.key)`,
        sql`${among(sql`r.user_id`, userIds, filter)} and ${optionKeys.length === 0 ? sql`true` : sql`r.key = any(${optionKeys}::text[])`}`,
      ] as const,
      organization: ["organization", sql`organization`, sql`r.id`, sql`r.id::text`, among(sql`r.id`, organizationIds, filter)] as const,
      team: [
        "organization",
        sql`team`,
        sql`r.organization_id`,
        sql`r.id::text`,
        among(sql`r.organization_id`, organizationIds, filter),
      ] as const,
      project: ["project", sql`project`, sql`r.id`, sql`r.id::text`, among(sql`r.id`, projectIds, filter)] as const,
    }[kind as "users" | "user_option" | "organization" | "team" | "project"];
    return db
      .session(call)
      .rows(sql<Row>`
        select r.id, ${owner} as owner, ${key} as key, coalesce(s.version, 0) as version
        from ${table} r left join aggregate_version s on s.kind = ${aggregate} and s.id = ${owner}
        where r.id > ${after} and ${condition} order by r.id limit ${PAGE}`)
      .then((rows) => rows.map((row) => ({ ...row, aggregate: `${aggregate}/${row.owner}`, isUser: aggregate === "user" })));
  };

  const snapshotKinds = new Set(["users", "user_option", "organization", "project", "team"]);

  return {
    of,
    snapshot: async function* (call, filter) {
      if (filter === undefined || filter.kinds.length === 0) throw invalidField("filter.kinds", "must name the kinds of a snapshot");
      for (const [index, kind] of filter.kinds.entries()) {
        if (!snapshotKinds.has(kind)) throw invalidField(`filter.kinds[${index}]`, "has no snapshot");
        const permission = sources.get(kind)?.permission ?? "";
        if (!call.caller.permissions.has(permission)) {
          throw forbidden("PERMISSION_REQUIRED", `A snapshot of ${kind} needs the permission ${permission}.`, { metadata: { permission } });
        }
      }
      for (const kind of new Set(filter.kinds)) {
        for (let after = 0n; ; ) {
          const rows = await pageOf(call, kind, filter, after);
          const changes = rows.map(
            ({ aggregate, key }): FeedChange => ({
              position: 0n,
              aggregateKind: "",
              aggregate,
              kind,
              key,
              operation: "",
              message: () => create(ChangeSchema),
            }),
          );
          const resources = await of(call, changes);
          const found = rows.flatMap((row, at): MessageInitShape<typeof ChangeSchema>[] => {
            const current = resources[at];
            if (current === undefined) return [];
            const { aggregate, version, key, isUser, owner } = row;
            return [{ aggregate, version, kind, key, userId: isUser ? owner : 0n, current }];
          });
          if (found.length > 0) yield found;
          const last = rows.at(-1);
          if (last === undefined || rows.length < PAGE) break;
          after = last.id;
        }
      }
    },
  };
};
