import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { alreadyExists, type DomainError, invalidField, isAccepted, notFound } from "../errors.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { refusedEntry } from "../status.ts";
import { accountsOfProfiles, assertDistinctRows, lockedResources, resourceLocks } from "./locked-resources.ts";
import { countResources, tooManyResources } from "./quota.ts";
import { type ResourceRow, toResource } from "./resource.select.ts";
import { resourceNotFound } from "./unregister-resources.ts";

const method = ProfileService.method.transferResources;

/** A resource and the profile that gets it; undefined = there is no such resource. */
type Move = { readonly row: ResourceRow | undefined; readonly to: bigint };

const placeOf = ({ kind, name }: ResourceRow, owner: bigint): string => `${owner}/${kind}/${name}`;

/** Returns the keys that the moves would take and that other resources have now, whether these move too or not. */
const takenPlaces = async (tx: Tx, moves: readonly Move[]): Promise<Set<string>> => {
  const wanted = moves.flatMap(({ row, to }) => (row === undefined ? [] : [{ ...row, to }]));
  const rows = await tx.rows(sql<{ owner_profile_id: bigint; kind: string; name: string }>`
    select r.owner_profile_id, r.kind, r.name from unnest(
      ${wanted.map(({ to }) => String(to))}::bigint[], ${wanted.map(({ kind }) => kind)}::text[], ${wanted.map(({ name }) => name)}::text[]
    ) as w (owner_profile_id, kind, name)
    join resource r on (r.owner_profile_id, r.kind, r.name) = (w.owner_profile_id, w.kind, w.name)`);
  return new Set(rows.map(({ owner_profile_id, kind, name }) => `${owner_profile_id}/${kind}/${name}`));
};

/** Returns for each move the resource after it, or the error that says why it stays. */
const decided = (
  moves: readonly Move[],
  accounts: ReadonlyMap<bigint, bigint>,
  taken: Set<string>,
  counts: Map<bigint, number>,
  limit: number,
): (ResourceRow | DomainError)[] =>
  moves.map(({ row, to }) => {
    const accountId = accounts.get(to);
    if (row === undefined) return resourceNotFound();
    if (accountId === undefined) return notFound("PROFILE_NOT_FOUND", "There is no such profile.");
    if (to === row.owner_profile_id) return row;
    const place = placeOf(row, to);
    if (taken.has(place)) return alreadyExists("RESOURCE_TAKEN", "The profile has a resource of this kind and name.");
    const count = counts.get(to) ?? 0;
    if (count >= limit) return tooManyResources(limit, count);
    taken.add(place);
    counts.set(to, count + 1);
    return { ...row, owner_profile_id: to, account_id: accountId };
  });

/** TransferResources: gives resources to other profiles. It takes as many statements for 1,000 transfers as for one. */
export const transferResources =
  ({ write, quotas }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { transfers } = request;
    const refs = transfers.map(({ resource }, index) => {
      if (resource === undefined) throw invalidField(`transfers[${index}].resource`, "is required");
      return resource;
    });
    const receivers = transfers.map(({ toProfileId }) => toProfileId);
    return write(call, { method, request, aggregates: resourceLocks(refs, receivers) }, async (tx) => {
      const rows = await lockedResources(tx, refs);
      assertDistinctRows(rows, "transfers");
      const moves = rows.map((row, index) => ({ row, to: receivers[index] ?? 0n }));
      const accounts = await accountsOfProfiles(tx, receivers);
      const [taken, limit] = [await takenPlaces(tx, moves), quotas.resourcesPerProfile];
      const outcomes = decided(moves, accounts, taken, await countResources(tx, receivers, limit), limit);
      const moved = outcomes.filter(isAccepted);
      await tx.rows(sql`
          update resource r set owner_profile_id = w.owner_profile_id, account_id = w.account_id
          from unnest(
            ${moved.map(({ id }) => String(id))}::bigint[],
            ${moved.map(({ owner_profile_id }) => String(owner_profile_id))}::bigint[],
            ${moved.map(({ account_id }) => String(account_id))}::bigint[]
          ) as w (id, owner_profile_id, account_id)
          where r.id = w.id and r.owner_profile_id <> w.owner_profile_id`);
      const results = outcomes.map((outcome) =>
        isAccepted(outcome) ? { result: { case: "resource" as const, value: toResource(outcome) } } : refusedEntry(outcome),
      );
      return { results };
    });
  };
