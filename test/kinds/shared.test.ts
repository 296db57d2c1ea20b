import { type Client, Code } from "@connectrpc/connect";
import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import type { IntegrationService } from "../../src/gen/userd/kinds/v1/integration_service_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { kinds } from "../../src/schema/entities.ts";
import { actingAs, createOrganization, createTeam, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { get, update } from "./asking.ts";
import { makerOf, type Shown } from "./maker.ts";

/** How many statements wait for a lock. */
const waiting = async (db: Database): Promise<number> => {
  const { rows } = await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(db.sql);
  return rows.length;
};

const kindOf = (name: string) => kinds.find((kind) => kind.name === name) as (typeof kinds)[number];

test("organizations share an integration until the last of them is purged, and with each of them go its settings", async ({ clients }) => {
  const client = clients["grpc-js"];
  const integration = await makerOf(client, kindOf("integration"));
  const { id: other } = await createOrganization(client);
  const both = [integration.organizationId, other];
  const { id } = await integration.create({ organizationIds: both });
  const settings = await makerOf(client, kindOf("organization_integration"), integration.organizationId);
  const { id: first } = await settings.create({ integrationId: id });
  const { id: second } = await settings.create({ organizationId: other, integrationId: id });
  const before = await get(integration, id);
  await client.organizations.purgeOrganization({ id: integration.organizationId });
  expect(await get(integration, id)).toEqual({ ...before, organizationIds: [other], etag: "2" });
  await expectRefusal(get(settings, first), "NotFound", "RESOURCE_NOT_FOUND");
  expect((await get(settings, second)).id).toBe(second);
  await client.organizations.deleteOrganization({ id: other });
  const refused = await expectRefusal(update(integration, { id, name: "x" }), "FailedPrecondition", "RESOURCE_DELETED");
  expect(refused.info?.metadata).toEqual({ kind: "organization" });
  await client.organizations.purgeOrganization({ id: other });
  await expectRefusal(get(integration, id), "NotFound", "RESOURCE_NOT_FOUND");
});

test("who acts for somebody that does not own all organizations can neither create an integration of theirs nor add one of them", async ({
  clients,
}) => {
  const client = clients["grpc-js"];
  const integrations = client.families["IntegrationService"] as unknown as Client<typeof IntegrationService>;
  const owner = await createUser(client);
  const [mine, joined, foreign] = [
    (await createOrganization(client, {}, owner.id)).id,
    (await createOrganization(client)).id,
    (await createOrganization(client)).id,
  ];
  await client.organizations.addMember({ organizationId: joined, userId: owner.id, role: MemberRole.MEMBER });
  const create = (organizationIds: bigint[], user = owner.id) =>
    integrations.createIntegration({ integration: { organizationIds, provider: "slack", externalId: unique() } }, actingAs(user));
  const { id = 0n } = (await create([mine])).integration ?? {};
  const change = (organizationIds: bigint[], user = owner.id) =>
    integrations.updateIntegration({ integration: { id, organizationIds } }, actingAs(user));
  for (const write of [create, change]) {
    await expectRefusal(write([mine, joined]), "PermissionDenied", "PERMISSION_REQUIRED");
    const refused = await expectRefusal(write([mine, joined, foreign]), "NotFound", "REFERENCE_NOT_FOUND");
    expect(refused.fields).toEqual(["integration.organization_ids"]);
  }
  const superuser = await createUser(client, { isSuperuser: true });
  expect((await create([mine, joined, foreign], superuser.id)).integration?.organizationIds).toEqual([mine, joined, foreign]);
  // What it shares with an organization that somebody does not own is not theirs any more.
  await integrations.updateIntegration({ integration: { id, organizationIds: [mine, joined] } });
  await expectRefusal(change([mine]), "PermissionDenied", "PERMISSION_REQUIRED");
});

test("a monitor has an owner at most, a user or a team", async ({ clients }) => {
  const client = clients["grpc-js"];
  const maker = await makerOf(client, kindOf("monitor"));
  const { id: ownerTeamId } = await createTeam(client, maker.organizationId);
  const { id, ownerUserId } = await maker.create();
  const beside = await expectRefusal(update(maker, { id, ownerTeamId }), "InvalidArgument", "FIELD_INVALID");
  expect(beside.fields).toEqual(["monitor.owner_user_id"]);
  await expectRefusal(maker.create({ ownerUserId, ownerTeamId }), "InvalidArgument", "FIELD_INVALID");
  const changed = await update(maker, { id, ownerTeamId }, ["owner_user_id", "owner_team_id"]);
  expect([changed["ownerUserId"], changed["ownerTeamId"]]).toEqual([undefined, ownerTeamId]);
});

test("an organization that shares an integration no longer loses what refers to it, and the others keep theirs", async ({ clients }) => {
  const client = clients["grpc-js"];
  const integration = await makerOf(client, kindOf("integration"));
  const { id: other } = await createOrganization(client);
  const both = [integration.organizationId, other];
  const { id } = await integration.create({ organizationIds: both });
  const settings = await makerOf(client, kindOf("organization_integration"), integration.organizationId);
  const made = await Promise.all(
    both.map(async (organizationId) => {
      const { id: settingsId } = await settings.create({ organizationId, integrationId: id });
      const actions = await makerOf(client, kindOf("alert_rule_trigger_action"), organizationId);
      return { settingsId, actions, action: await actions.create({ integrationId: id }) };
    }),
  );
  await update(integration, { id, organizationIds: both });
  const [kept, lost] = made as [(typeof made)[number], (typeof made)[number]];
  expect((await get(settings, lost.settingsId)).id).toBe(lost.settingsId);
  await update(integration, { id, organizationIds: [integration.organizationId] });
  await expectRefusal(get(settings, lost.settingsId), "NotFound", "RESOURCE_NOT_FOUND");
  expect(await get(lost.actions, lost.action.id)).toEqual({ ...lost.action, integrationId: undefined, etag: "2" });
  expect((await get(settings, kept.settingsId)).id).toBe(kept.settingsId);
  expect(await get(kept.actions, kept.action.id)).toEqual(kept.action);
  await update(integration, { id, organizationIds: both });
  await settings.create({ organizationId: other, integrationId: id });
});

test("two organizations that share an integration and are purged at once leave nothing of it", async ({ clients, db }) => {
  const client = clients["grpc-js"];
  const maker = await makerOf(client, kindOf("integration"));
  const { id: other } = await createOrganization(client);
  const fields = await maker.valid({ organizationIds: [maker.organizationId, other] });
  const { id } = (await maker.call("Create", { [maker.field]: fields }))[maker.field] as Shown;
  // Both purges have read who shares it before one of them takes it from its organization.
  const blocker = await db.sql.startTransaction().execute();
  await sql`select from aggregate_version where kind = 'kinds:shared' and id = ${id} for update`.execute(blocker);
  const purges = [maker.organizationId, other].map((organization) => client.organizations.purgeOrganization({ id: organization }));
  await expect.poll(() => waiting(db)).toBe(2);
  await blocker.rollback().execute();
  await Promise.all(purges);
  await expectRefusal(get(maker, id), "NotFound", "RESOURCE_NOT_FOUND");
  const { id: third } = await createOrganization(client);
  await maker.call("Create", { [maker.field]: { ...fields, organizationIds: [third] } });
});

test("sharing, writing and purging at once neither fail for each other nor leave an integration of nobody", async ({ clients, db }) => {
  const client = clients["grpc-js"];
  const maker = await makerOf(client, kindOf("integration"));
  const settings = await makerOf(client, kindOf("organization_integration"), maker.organizationId);
  const gone = await Promise.all(Array.from({ length: 6 }, async () => (await createOrganization(client)).id));
  const ids = await Promise.all(
    gone.map(async (id, index) => {
      const organizationIds = [...(index % 2 === 0 ? [maker.organizationId] : []), id, ...gone.slice(0, index)];
      const made = await maker.create({ organizationIds });
      await settings.call("Create", { [settings.field]: { organizationId: id, integrationId: made.id } });
      return made.id;
    }),
  );
  const write = async (round: number) => {
    for (const id of ids) {
      const organizationIds = [maker.organizationId, gone[(round + Number(id)) % gone.length] ?? 0n];
      const outcome = await update(maker, { id, organizationIds }).then(
        () => "done",
        (error: { readonly code: number }) => error.code,
      );
      // An organization is purged meanwhile, and with it what it alone has.
      expect(["done", Code.NotFound]).toContain(outcome);
    }
  };
  const purge = async () => {
    for (const id of gone) await client.organizations.purgeOrganization({ id });
  };
  await Promise.all([write(0), write(1), write(2), purge()]);
  const { rows } = await sql`
    select from integration i where i.id = any(${ids.map(String)}::bigint[])
    and not exists (select from integration_organization s where s.integration_id = i.id)`.execute(db.sql);
  expect(rows).toEqual([]);
});
