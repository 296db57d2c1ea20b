import type { Operation } from "../call.ts";
import type { Tx } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { type NamedRow, projects, teams } from "../organizations/kind.ts";
import { organizationOf, projectAggregates, storedById } from "../organizations/stored.ts";
import { requirePermission } from "../users/privileges.ts";
import { organizationAggregate } from "../versions/aggregate.ts";
import { type Purgeable, purgeable } from "./remove-scopes.ts";

const { method } = OrganizationService;

/** Removes a row, deleted before or not; what has to be locked is locked already. */
const purge = async (tx: Tx, table: Purgeable, id: bigint) => {
  const { kind, remove } = purgeable[table];
  await requirePermission(tx, "users.admin");
  await storedById<NamedRow>(tx, kind, id);
  for (const aggregate of await remove(tx, id)) tx.touch(aggregate);
  return {};
};

/** PurgeOrganization: at once, deleted before or not, with all that belongs to it. */
export const purgeOrganization =
  ({ write }: Dependencies): Operation<typeof method.purgeOrganization> =>
  (call, request) => {
    const { id } = request;
    const plan = { method: method.purgeOrganization, request, aggregates: [organizationAggregate(id)] };
    return write(call, plan, (tx) => purge(tx, "organization", id));
  };

/** PurgeProject: at once, deleted before or not, with the options of its scope. */
export const purgeProject =
  ({ db, write }: Dependencies): Operation<typeof method.purgeProject> =>
  async (call, request) => {
    const { id } = request;
    const aggregates = projectAggregates(await organizationOf(db, call, projects, id), id);
    return write(call, { method: method.purgeProject, request, aggregates }, (tx) => purge(tx, "project", id));
  };

/** PurgeTeam: at once, deleted before or not. */
export const purgeTeam =
  ({ db, write }: Dependencies): Operation<typeof method.purgeTeam> =>
  async (call, request) => {
    const { id } = request;
    const aggregates = [organizationAggregate(await organizationOf(db, call, teams, id))];
    return write(call, { method: method.purgeTeam, request, aggregates }, (tx) => purge(tx, "team", id));
  };
