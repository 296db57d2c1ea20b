import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { MonitorService } from "../../src/gen/userd/kinds/v1/monitor_service_pb.ts";
import { type AuditEntry, AuditOperation } from "../../src/gen/userd/v1/audit_entry_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { actingAs, createAccount, createOrganization, createProfile, createProject, createUser, unique, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { plansOf } from "../support/plans.ts";
import { clientKinds, test } from "../support/service.ts";

/** The values of an entry, as `{field: [old, new]}`. */
const valuesOf = ({ changed }: AuditEntry) =>
  Object.fromEntries(
    changed.map(({ field, oldValue, newValue }) => [field, [oldValue, newValue].map((one) => one && toJson(ValueSchema, one))]),
  );

const createMonitor = async ({ families }: Clients, projectId: bigint): Promise<{ readonly id: bigint }> => {
  const monitors = families.MonitorService as unknown as Client<typeof MonitorService>;
  const { monitor } = await monitors.createMonitor({ monitor: { projectId, slug: unique("m-") } });
  if (monitor === undefined) throw new Error("CreateMonitor returned no monitor");
  return monitor;
};

const because = (reason: string) => ({ headers: { "x-change-reason": reason } });

describe.for(clientKinds)("%s", (kind) => {
  test("an entry has the values of flags, slugs and roles, and of nothing else", async ({ clients }) => {
    const { users, organizations, options, changes } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    await users.updateUser({ user: { id: userId, isStaff: true, name: "Ann Secret" } });
    await options.setOption({ userId, key: "note", value: value("canary") });
    const organization = await createOrganization(clients[kind]);
    const slug = unique("s-");
    await organizations.updateOrganization({ organization: { id: organization.id, slug } });
    await organizations.addMember({ organizationId: organization.id, userId, role: MemberRole.MEMBER });
    const member = { case: "userId", value: userId } as const;
    await organizations.setMemberRole({ organizationId: organization.id, member, role: MemberRole.ADMIN });
    await organizations.removeMember({ organizationId: organization.id, member });

    const ofUser = await changes.listAuditEntries({ filter: { userId } });
    const flags = ofUser.auditEntries.find(({ kind: of, operation }) => of === "users" && operation === AuditOperation.UPDATE);
    expect(flags && valuesOf(flags)).toEqual({ is_staff: [false, true] });
    expect(flags?.changedFields).toEqual(["name", "is_staff"]);
    const roles = (entries: readonly AuditEntry[]) => entries.filter(({ kind: of }) => of === "organization_member").map(valuesOf);
    const expected = [
      { role: ["MEMBER_ROLE_ADMIN", undefined] },
      { role: ["MEMBER_ROLE_MEMBER", "MEMBER_ROLE_ADMIN"] },
      // MEMBER is no default of the column.
      { role: [undefined, "MEMBER_ROLE_MEMBER"] },
    ];
    expect(roles(ofUser.auditEntries)).toEqual(expected);
    expect(JSON.stringify(ofUser.auditEntries.map(valuesOf))).not.toMatch(/canary|Secret/);

    const ofOrganization = await changes.listAuditEntries({ filter: { organizationId: organization.id } });
    expect(roles(ofOrganization.auditEntries)).toEqual(expected);
    const renamed = ofOrganization.auditEntries.find(
      ({ kind: of, operation }) => of === "organization" && operation === AuditOperation.UPDATE,
    );
    expect(renamed).toMatchObject({ organizationId: organization.id });
    expect(renamed && valuesOf(renamed)).toEqual({ slug: [organization.slug, slug] });
  });

  test("an entry of a registered resource has its kind and name", async ({ clients }) => {
    const { profiles, changes } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const { id: userId } = await createUser(clients[kind]);
    const { id: ownerProfileId } = await createProfile(clients[kind], userId, accountId);
    const resource = { kind: "plugin", ownerProfileId, name: unique("r-") };
    await profiles.registerResources({ resources: [resource] });
    await profiles.unregisterResources({ resources: [{ ref: { case: "key", value: resource } }] });
    const { auditEntries } = await changes.listAuditEntries({ filter: { kinds: ["resource"] }, pageSize: 2 });
    expect(auditEntries.map(valuesOf)).toEqual([
      { kind: ["plugin", undefined], name: [resource.name, undefined] },
      { kind: [undefined, "plugin"], name: [undefined, resource.name] },
    ]);
  });

  test("the reason of a change stands in its entries; one that can't be one is refused", async ({ clients }) => {
    const { users, changes } = clients[kind];
    const { id } = await createUser(clients[kind]);
    await users.updateUser({ user: { id, isStaff: true } }, because("ticket 4711"));
    await users.updateUser({ user: { id, isStaff: false } });
    await users.updateUser({ user: { id, isStaff: true } }, because("r".repeat(256)));
    const { auditEntries } = await changes.listAuditEntries({ filter: { userId: id, operations: [AuditOperation.UPDATE] } });
    expect(auditEntries.map(({ reason }) => reason)).toEqual(["r".repeat(256), "", "ticket 4711"]);
    for (const reason of ["r".repeat(257)]) {
      const refused = users.updateUser({ user: { id, isApp: true } }, because(reason));
      expect((await expectRefusal(refused, "InvalidArgument", "FIELD_INVALID")).fields).toEqual(["x-change-reason"]);
    }
    expect((await users.getUser({ id })).user?.isApp).toBe(false);
  });

  test("each filter finds its entries", async ({ clients }) => {
    const { users, changes, organizations } = clients[kind];
    const { id: organizationId } = await createOrganization(clients[kind]);
    const project = await createProject(clients[kind], organizationId);
    const monitor = await createMonitor(clients[kind], project.id);
    const { id } = await createUser(clients[kind], { isSuperuser: true });
    const before = new Date(Date.now() - 60_000);
    const stamp = (date: Date) => ({ seconds: BigInt(Math.floor(date.getTime() / 1000)) });
    const list = async (filter: Parameters<typeof changes.listAuditEntries>[0]["filter"]) =>
      (await changes.listAuditEntries({ filter, pageSize: 1_000 })).auditEntries;
    const names = (entries: readonly AuditEntry[]) => new Set(entries.map(({ kind: of, key }) => `${of} ${key}`));
    expect(names(await list({ organizationId }))).toEqual(
      new Set([`organization ${organizationId}`, `project ${project.id}`, `monitor ${monitor.id}`]),
    );
    expect(names(await list({ projectId: project.id }))).toEqual(new Set([`project ${project.id}`, `monitor ${monitor.id}`]));
    expect((await list({ projectId: project.id })).every(({ projectId }) => projectId === project.id)).toBe(true);
    await organizations.updateProject({ project: { id: project.id, name: "Other" } }, actingAs(id));
    expect(names(await list({ actingUserId: id }))).toEqual(new Set([`project ${project.id}`]));
    expect(names(await list({ actingUserId: id, kinds: ["team"] }))).toEqual(new Set());
    expect(names(await list({ projectId: project.id, operations: [AuditOperation.UPDATE] }))).toEqual(new Set([`project ${project.id}`]));
    await users.deleteUser({ id });
    await users.purgeUser({ id });
    const deletes = await list({ operations: [AuditOperation.DELETE], startTime: stamp(before) });
    expect(names(deletes)).toContain(`users ${id}`);
    expect(new Set(deletes.map(({ operation }) => operation))).toEqual(new Set([AuditOperation.DELETE]));
    expect(await list({ operations: [AuditOperation.DELETE], endTime: stamp(before) })).toEqual([]);
    expect(await list({ userId: id, organizationId })).toEqual([]);
    expect(await list({ caller: "nobody" })).toEqual([]);
    for (const filter of [{ operations: [AuditOperation.UNSPECIFIED] }, { organizationId: -1n }, { projectId: -1n }])
      await expectRefusal(changes.listAuditEntries({ filter }), "InvalidArgument", "FIELD_INVALID");
  });
});

test("a reason with control characters or that is no UTF-8 is refused, and one in UTF-8 is kept", async ({ clients, service }) => {
  const { changes } = clients["grpc-js"];
  const { id } = await createUser(clients["grpc-js"]);
  const send = async (reason: Buffer, isStaff: boolean) => {
    const answer = await fetch(`http://${formatAddress(service.httpAddress)}/userd.v1.UserService/UpdateUser`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-change-reason": reason.toString("latin1") },
      body: JSON.stringify({ user: { id: String(id), isStaff } }),
    });
    return answer.status;
  };
  expect(await send(Buffer.from("gewünscht: 顧客"), true)).toBe(200);
  expect(await send(Buffer.from("a\tb"), false)).toBe(400);
  expect(await send(Buffer.from([0x61, 0xff]), false)).toBe(400);
  expect(await send(Buffer.from("a\u0085b"), false)).toBe(400);
  const { auditEntries } = await changes.listAuditEntries({ filter: { userId: id, kinds: ["users"] } });
  expect(auditEntries.map(({ reason }) => reason)).toEqual(["gewünscht: 顧客", ""]);
});

test("pages of a filter that few entries meet go on until the log is at its end, and no filter reads all of it", async ({
  clients,
  db,
  databaseUrl,
}) => {
  const { changes } = clients["grpc-js"];
  await sql`
    insert into changes (kind, key, operation, aggregate_kind, aggregate_id, version, xid, caller, change_time)
    select 'sparse', n::text, 'insert', 'user', 4711, n, pg_current_xact_id(), case when n = 1 then 'rare' else 'often' end,
      timestamptz '2020-01-01' + make_interval(secs => n)
    from generate_series(1, 30000) n`.execute(db.sql);
  const walk = async (filter: Parameters<typeof changes.listAuditEntries>[0]["filter"]) => {
    const keys: string[] = [];
    let pages = 0;
    for (let pageToken = ""; pages === 0 || pageToken !== ""; pages += 1) {
      const page = await changes.listAuditEntries({ filter, pageSize: 500, pageToken });
      keys.push(...page.auditEntries.map(({ key }) => key));
      pageToken = page.nextPageToken;
    }
    return { keys, pages };
  };
  const { keys, pages } = await walk({ kinds: ["sparse"], caller: "rare" });
  expect(keys).toEqual(["1"]);
  expect(pages).toBeGreaterThan(2);
  const from = { seconds: BigInt(Date.UTC(2020, 0, 1, 1) / 1000) };
  const to = { seconds: BigInt(Date.UTC(2020, 0, 1, 2) / 1000) };
  const period = await walk({ startTime: from, endTime: to });
  expect(period.keys).toEqual(Array.from({ length: 3600 }, (_, index) => String(7199 - index)));
  expect((await walk({ userId: 4711n, startTime: from, endTime: to })).keys).toEqual(period.keys);

  await sql`analyze changes`.execute(db.sql);
  const filters = [
    {},
    { userId: 4711n },
    { organizationId: 1n },
    { projectId: 1n },
    { actingUserId: 1n },
    { kinds: ["sparse", "users"] },
    { operations: [AuditOperation.DELETE, AuditOperation.REVEAL] },
    { caller: "rare" },
    { startTime: from },
    { endTime: from },
    { kinds: ["users"], caller: "rare", startTime: from, endTime: to },
  ];
  // Later partitions are empty: what reads them costs nothing.
  const { name } = await db.session().one(sql<{ name: string }>`
    select min(c.relname) as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'changes'::regclass`);
  for (const filter of filters) {
    const plans = await plansOf(databaseUrl, () => changes.listAuditEntries({ filter, pageSize: 20 }));
    expect(plans).toHaveLength(1);
    expect(
      plans[0],
      JSON.stringify(filter, (_, one) => (typeof one === "bigint" ? String(one) : one)),
    ).not.toContain(`Seq Scan on ${name}`);
  }
});
