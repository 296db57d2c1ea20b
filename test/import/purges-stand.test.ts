import type { Client } from "@connectrpc/connect";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import type { IntegrationService } from "../../src/gen/userd/kinds/v1/integration_service_pb.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { type ServiceWith, serviceWith } from "../options/service-with.ts";
import { silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";
import { of2023, recordOf } from "./of-2023.ts";

/** Lets the grace period of a user end, and the purger come. */
const purgeAtEnd = async ({ users }: ServiceWith, db: Database): Promise<void> => {
  await users.deleteUser({ id: 2n });
  await db.sql
    .updateTable("users")
    .set({ purge_time: new Date(0) })
    .where("id", "=", 2n)
    .execute();
  await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
  await purger.purge();
};

type Removal = (service: ServiceWith, db: Database) => Promise<unknown>;

/** The ways in which something is removed with all that belongs to it. */
const removals = {
  PurgeUser: ({ users }) => users.purgeUser({ id: 2n }),
  "the end of a user's grace period": purgeAtEnd,
  PurgeOrganization: ({ organizations }) => organizations.purgeOrganization({ id: 1n }),
  PurgeProject: ({ organizations }) => organizations.purgeProject({ id: 1n }),
  PurgeTeam: ({ organizations }) => organizations.purgeTeam({ id: 1n }),
  DeleteRole: ({ users }) => users.deleteRole({ name: "Readers" }),
  DeleteIdentityProvider: ({ users }) => users.deleteIdentityProvider({ id: 1n, force: true }),
  DeleteAuthProvider: ({ users }) => users.deleteAuthProvider({ id: 1n, force: true }),
  DeleteProfile: ({ profiles }) => profiles.deleteProfile({ id: 1n }),
} satisfies Readonly<Record<string, Removal>>;

const countsOf = (db: Database) =>
  sql`select (select count(*) from users) as users, (select count(*) from organization) as organizations, (select count(*) from project) as projects,
    (select count(*) from team) as teams, (select count(*) from role) as roles, (select count(*) from identity_provider) as identity_providers,
    (select count(*) from auth_provider) as auth_providers, (select count(*) from user_profile) as profiles,
    (select count(*) from identity) as identities, (select count(*) from organization_member) as members`
    .execute(db.sql)
    .then(({ rows }) => rows);

describe.for(Object.entries<Removal>(removals))("19 after %s an older file", ([, remove]) => {
  test("brings nothing back, and lists it; with --overwrite it does", async ({ own: db, ownUrl }) => {
    await importRecords(db, of2023);
    const imported = await countsOf(db);
    await using service = await serviceWith(ownUrl, {});
    await remove(service, db);
    const removed = await stateOf(db);
    const { skipped } = await importRecords(db, of2023);
    expect(await stateOf(db)).toEqual(removed);
    expect(skipped.map(({ reason }) => reason)).toContain("it was removed here since, which stands; --overwrite lets the file win");
    await importRecords(db, of2023, { overwrite: true });
    expect(await countsOf(db)).toEqual(imported);
  });
});

test("19 what organizations shared comes back with the last of them, and not to one that stopped sharing it", async ({
  own: db,
  ownUrl,
}) => {
  const organization = (pk: number) => recordOf("organization", pk, { name: `Org ${pk}`, slug: `org-${pk}`, status: 0 });
  const both = [organization(1), organization(2)];
  const integration = recordOf("integration", 5, { provider: "slack", external_id: "a", status: 0, organizations: [1, 2] });
  await importRecords(db, [...both, integration]);
  await using service = await serviceWith(ownUrl, {});
  const integrations = service.families["IntegrationService"] as unknown as Client<typeof IntegrationService>;
  const links = () => rowsOf(db, sql`select integration_id, organization_id from integration_organization`);
  await integrations.updateIntegration({ integration: { id: 5n, organizationIds: [2n] } });
  await service.organizations.purgeOrganization({ id: 2n });
  await importRecords(db, [...both, integration]);
  expect(await links()).toEqual([]);
  await importRecords(db, both, { overwrite: true });
  await importRecords(db, [...both, integration]);
  expect(await links()).toEqual([{ integration_id: "5", organization_id: "2" }]);
});
