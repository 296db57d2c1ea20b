import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { assertDistinct, type DomainError, isAccepted, notFound } from "../errors.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { ResourceKey } from "../gen/userd/v1/resource_pb.ts";
import { refusedEntry } from "../status.ts";
import { accountAggregates, accountsOfProfiles, NAMED_TWICE } from "./locked-resources.ts";
import { countResources, tooManyResources } from "./quota.ts";
import { type ResourceRow, resourceColumns, toResource } from "./resource.select.ts";

const method = ProfileService.method.registerResources;

/** Makes the key of a resource in a map. Its parts can't run into each other, since the one of free text is last. */
const nameOf = ({ ownerProfileId, kind, name }: Pick<ResourceKey, "ownerProfileId" | "kind" | "name">): string =>
  `${ownerProfileId}/${kind}/${name}`;

type Registered = ResourceRow & { readonly created: boolean };

/** The resources as the columns of one statement. */
const columnsOf = (resources: readonly ResourceKey[]) => sql`unnest(
  ${resources.map(({ ownerProfileId }) => String(ownerProfileId))}::bigint[],
  ${resources.map(({ kind }) => kind)}::text[],
  ${resources.map(({ name }) => name)}::text[])`;

const byName = (rows: readonly ResourceRow[]): Map<string, ResourceRow> =>
  new Map(rows.map((row) => [nameOf({ ownerProfileId: row.owner_profile_id, kind: row.kind, name: row.name }), row]));

/** Returns for each resource, in order, the error for an owner without room; undefined = its owner has room. */
const withinQuota = async (
  tx: Tx,
  resources: readonly ResourceKey[],
  limit: number,
): Promise<Map<ResourceKey, DomainError | undefined>> => {
  const owners = resources.map(({ ownerProfileId }) => ownerProfileId);
  const counts = await countResources(tx, owners, limit);
  return new Map(
    resources.map((resource) => {
      const count = counts.get(resource.ownerProfileId) ?? 0;
      if (count >= limit) return [resource, tooManyResources(limit, count)];
      counts.set(resource.ownerProfileId, count + 1);
      return [resource, undefined];
    }),
  );
};

/** Stores new resources, and reads those that are there. The owners' accounts are locked, so no other write comes in between. */
const store = async (tx: Tx, resources: readonly ResourceKey[], limit: number): Promise<(Registered | DomainError)[]> => {
  const rows = await tx.rows(sql<ResourceRow>`
    select ${resourceColumns} from ${columnsOf(resources)} as w (owner_profile_id, kind, name)
    join resource r on (r.owner_profile_id, r.kind, r.name) = (w.owner_profile_id, w.kind, w.name)`);
  const present = byName(rows);
  const missing = resources.filter((resource) => !present.has(nameOf(resource)));
  const refusals = await withinQuota(tx, missing, limit);
  const fitting = missing.filter((resource) => refusals.get(resource) === undefined);
  const inserted = await tx.rows(sql<ResourceRow>`
    insert into resource as r (owner_profile_id, account_id, kind, name)
    select p.id, p.account_id, w.kind, w.name
    from ${columnsOf(fitting)} with ordinality as w (owner_profile_id, kind, name, position) join user_profile p on p.id = w.owner_profile_id
    order by w.position
    on conflict (owner_profile_id, kind, name) do nothing
    returning ${resourceColumns}`);
  const added = byName(inserted);
  return resources.map((resource) => {
    const [old, row] = [present.get(nameOf(resource)), added.get(nameOf(resource))];
    if (old !== undefined) return { ...old, created: false };
    if (row !== undefined) return { ...row, created: true };
    return refusals.get(resource) ?? notFound("PROFILE_NOT_FOUND", "There is no such profile.");
  });
};

/** RegisterResources: stores resources unless they exist already, and returns them. An unknown owner, or one without quota left, is refused. */
export const registerResources =
  ({ db, write, quotas }: Dependencies): Operation<typeof method> =>
  async (call, request) => {
    const { resources } = request;
    assertDistinct(
      resources.map((resource) => [nameOf(resource)]),
      "resources",
      NAMED_TWICE,
    );
    const owners = resources.map(({ ownerProfileId }) => ownerProfileId);
    const accounts = await accountsOfProfiles(db.session(call), owners);
    return write(call, { method, request, aggregates: accountAggregates(accounts.values()) }, async (tx) => {
      const results = (await store(tx, resources, quotas.resourcesPerProfile)).map((outcome) => {
        if (!isAccepted(outcome)) return refusedEntry(outcome);
        return { result: { case: "resource" as const, value: toResource(outcome) }, created: outcome.created };
      });
      return { results };
    });
  };
