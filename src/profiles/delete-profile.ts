import { sql } from "kysely";
import { profileAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import type { Quotas } from "../config.ts";
import { PROFILE } from "../contract/kinds/kind.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { type DeleteProfileRequest, DeleteProfileMode as Mode } from "../gen/userd/v1/user_profile_pb.ts";
import { countOwned, dropOwned, transferOwned } from "../kinds/owned.ts";
import { removeRecordsFirst } from "../kinds/records.ts";
import { countResources, tooManyResources } from "../resources/quota.ts";
import type { Aggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { type ProfileRow, storedProfile, toProfile } from "./profile.select.ts";

const method = ProfileService.method.deleteProfile;

/** Kinds that the error names; the sum is over all. */
const MAX_KINDS = 20;

/** @throws FAILED_PRECONDITION PROFILE_HAS_RESOURCES. */
const assertNoResources = async (tx: Tx, { id }: ProfileRow): Promise<void> => {
  const rows = await tx.rows(sql<{ kind: string; count: bigint }>`
    select kind, count(*) as count from resource where owner_profile_id = ${id} group by kind`);
  const all = new Map(await countOwned(tx, id));
  for (const { kind, count } of rows) all.set(kind, (all.get(kind) ?? 0n) + count);
  if (all.size === 0) return;
  const total = [...all.values()].reduce((sum, count) => sum + count, 0n);
  const largest = [...all].toSorted(([a, one], [b, other]) => Number(other - one) || (a < b ? -1 : 1));
  const counts = largest.slice(0, MAX_KINDS).map(([kind, count]) => [`resources.${kind}`, String(count)]);
  throw failedPrecondition("PROFILE_HAS_RESOURCES", `The profile has ${total} resources: choose a mode that says what becomes of them.`, {
    metadata: { resources: String(total), ...Object.fromEntries(counts) },
  });
};

/** That the other profile has nothing of the same kind and name is a constraint. Returns the aggregates of kinds that moved. */
const transfer = async (tx: Tx, { id }: ProfileRow, to: bigint, limit: number): Promise<readonly Aggregate[]> => {
  const { account_id: account } = await storedProfile(tx, to);
  const counts = await countResources(tx, [id, to], limit);
  const [moving, there] = [counts.get(id) ?? 0, counts.get(to) ?? 0];
  if (moving > 0 && there + moving > limit) throw tooManyResources(limit, there);
  await tx.rows(sql`update resource set owner_profile_id = ${to}, account_id = ${account} where owner_profile_id = ${id}`);
  return transferOwned(tx, id, to);
};

/** Returns the aggregates of kinds that moved. */
const clearResources = async (
  tx: Tx,
  row: ProfileRow,
  { mode, transferToProfileId }: DeleteProfileRequest,
  { resourcesPerProfile }: Quotas,
): Promise<readonly Aggregate[]> => {
  if (mode === Mode.TRANSFER) return transfer(tx, row, transferToProfileId, resourcesPerProfile);
  if (mode === Mode.CASCADE) {
    await tx.rows(sql`delete from resource where owner_profile_id = ${row.id}`);
    return dropOwned(tx, [row.id]);
  }
  await assertNoResources(tx, row);
  return [];
};

/** DeleteProfile: deletes a profile, and deletes or transfers its resources as `mode` says. By default it refuses a profile with resources. */
export const deleteProfile =
  (app: Dependencies): Operation<typeof method> =>
  async (call, request) => {
    const { id, mode, transferToProfileId, etag } = request;
    if ((mode === Mode.TRANSFER) !== (transferToProfileId !== 0n)) {
      throw invalidField("transfer_to_profile_id", "is required with DELETE_PROFILE_MODE_TRANSFER, and only there");
    }
    if (transferToProfileId === id) throw invalidField("transfer_to_profile_id", "must be another profile");
    const aggregates: LookUpLocks = (session) => profileAggregates(session, [id, transferToProfileId]);
    const plan = { method, request, aggregates };
    const removable = async (tx: Tx): Promise<ProfileRow> => {
      const row = await storedProfile(tx, id);
      requireEtag(etag, etagOf(row), "profile");
      return row;
    };
    if (mode === Mode.CASCADE) await removeRecordsFirst(app, call, { name: PROFILE, ids: [id] }, plan, removable);
    return app.write(call, plan, async (tx) => {
      const row = await removable(tx);
      // The lock of the account keeps new resources out.
      for (const aggregate of await clearResources(tx, row, request, app.quotas)) tx.touch(aggregate);
      await tx.rows(sql`delete from user_profile where id = ${id}`);
      return { profile: toProfile(row) };
    });
  };
