import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField, notFound } from "../errors.ts";
import { ProfileService } from "../gen/users/v1/profile_service_pb.ts";
import type { ResourceKey } from "../gen/users/v1/resource_pb.ts";
import { toStatus } from "../status.ts";
import { accountSubjects, accountsOfProfiles } from "./owner-accounts.ts";
import { toResource } from "./resource.mapping.ts";
import { type ResourceRow, resourceColumns } from "./resource.select.ts";

const method = ProfileService.method.registerResources;

/** Names a resource in a map; the name comes last, so that the parts can't run into each other. */
const nameOf = ({ ownerProfileId, kind, name }: Pick<ResourceKey, "ownerProfileId" | "kind" | "name">): string =>
  `${ownerProfileId}/${kind}/${name}`;

const assertDistinct = (resources: readonly ResourceKey[]): void => {
  const names = new Set<string>();
  for (const [index, resource] of resources.entries()) {
    const name = nameOf(resource);
    if (names.has(name)) throw invalidField(`resources[${index}]`, "names a resource that another one names", "DUPLICATE_ENTRY");
    names.add(name);
  }
};

type Registered = ResourceRow & { readonly created: boolean };

/** Stores what is new, and reads what is there: the accounts of the owners are locked, so nothing comes in between. */
const store = async (tx: Tx, resources: readonly ResourceKey[]): Promise<Map<string, Registered>> => {
  const columns = sql`unnest(
    ${resources.map(({ ownerProfileId }) => String(ownerProfileId))}::bigint[],
    ${resources.map(({ kind }) => kind)}::text[],
    ${resources.map(({ name }) => name)}::text[])`;
  const { rows: present } = await sql<ResourceRow>`
    select ${resourceColumns} from ${columns} as w (owner_profile_id, kind, name)
    join resource r on (r.owner_profile_id, r.kind, r.name) = (w.owner_profile_id, w.kind, w.name)`.execute(tx.sql, tx.abort);
  const { rows: added } = await sql<ResourceRow>`
    insert into resource as r (owner_profile_id, account_id, kind, name)
    select p.id, p.account_id, w.kind, w.name
    from ${columns} with ordinality as w (owner_profile_id, kind, name, position) join user_profile p on p.id = w.owner_profile_id
    order by w.position
    on conflict (owner_profile_id, kind, name) do nothing
    returning ${resourceColumns}`.execute(tx.sql, tx.abort);
  const all = [...present.map((row) => ({ ...row, created: false })), ...added.map((row) => ({ ...row, created: true }))];
  return new Map(all.map((row) => [nameOf({ ownerProfileId: row.owner_profile_id, kind: row.kind, name: row.name }), row]));
};

/** RegisterResources: as many statements for 1,000 resources as for one; only an owner that is not there refuses one. */
export const registerResources =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { resources, requestId } = request;
    assertDistinct(resources);
    const owners = resources.map(({ ownerProfileId }) => ownerProfileId);
    const accounts = await accountsOfProfiles(db.sql, owners, db.abort(call));
    return write(call, { method, request, subjects: accountSubjects(accounts.values()), requestId }, async (tx) => {
      const stored = await store(tx, resources);
      const results = resources.map((resource) => {
        const row = stored.get(nameOf(resource));
        if (row !== undefined) return { result: { case: "resource" as const, value: toResource(row) }, created: row.created };
        const error = notFound("PROFILE_NOT_FOUND", "There is no such profile.");
        return { result: { case: "error" as const, value: toStatus(error) } };
      });
      return { results };
    });
  };
