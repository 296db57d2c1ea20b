import type { Call, Operation } from "../../call.ts";
import type { Session } from "../../db/session.ts";
import type { Consistency } from "../../gen/userd/v1/consistency_pb.ts";
import type { OrganizationService } from "../../gen/userd/v1/organization_service_pb.ts";
import type { ProfileService } from "../../gen/userd/v1/profile_service_pb.ts";
import { storedById } from "../../kinds/stored.ts";
import { organizations, projects, teams } from "../../organizations/kind.ts";
import { accountNotFound, selectAccounts } from "../../profiles/accounts.ts";
import type { LifecycleDependencies } from "../dependencies.ts";
import { toCounts } from "./erasures.ts";
import { countScope, type ErasedScope } from "./rows.ts";

/** Says what a purge would remove, after `require` has found what it is about. */
const planScope = async (
  { db, freshness }: LifecycleDependencies,
  call: Call,
  erased: ErasedScope,
  consistency: Consistency | undefined,
  require: (session: Session) => Promise<unknown>,
) => {
  await freshness.check(call, consistency);
  const session = db.session(call);
  await require(session);
  const { counts, later } = await countScope(session, erased);
  return { plan: { counts: toCounts(counts), laterTables: [...later] } };
};

/** PlanOrganizationErasure: says what PurgeOrganization would remove. */
export const planOrganizationErasure =
  (app: LifecycleDependencies): Operation<typeof OrganizationService.method.planOrganizationErasure> =>
  (call, { organizationId: id, consistency }) =>
    planScope(app, call, { kind: "organization", id }, consistency, (session) => storedById(session, organizations, id));

/** PlanProjectErasure: says what PurgeProject would remove. */
export const planProjectErasure =
  (app: LifecycleDependencies): Operation<typeof OrganizationService.method.planProjectErasure> =>
  (call, { projectId: id, consistency }) =>
    planScope(app, call, { kind: "project", id }, consistency, (session) => storedById(session, projects, id));

/** PlanTeamErasure: says what PurgeTeam would remove. */
export const planTeamErasure =
  (app: LifecycleDependencies): Operation<typeof OrganizationService.method.planTeamErasure> =>
  (call, { teamId: id, consistency }) =>
    planScope(app, call, { kind: "team", id }, consistency, (session) => storedById(session, teams, id));

/** PlanAccountErasure: says what PurgeAccount would remove. */
export const planAccountErasure =
  (app: LifecycleDependencies): Operation<typeof ProfileService.method.planAccountErasure> =>
  (call, { accountId: id, consistency }) =>
    planScope(app, call, { kind: "account", id }, consistency, async (session) => {
      const row = await session.row(selectAccounts(session.sql).where("id", "=", id));
      if (row === undefined) throw accountNotFound();
    });
