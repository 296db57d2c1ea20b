import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { sql } from "kysely";
import { expect } from "vitest";
import { ReleaseService } from "../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { ruledBy } from "../../src/kinds/relation.ts";
import { kinds } from "../../src/schema/entities.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { actingAs, createOrganization, createUser } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { createGrpcJsTransport } from "../support/grpc-js-transport.ts";
import { test as base } from "../support/service.ts";
import { NOBODY } from "./asking.ts";
import { makerOf } from "./maker.ts";

const test = base.extend("releases", async ({ service }, { onCleanup }) => {
  const transport = createGrpcJsTransport(formatAddress(service.grpcAddress), 30_000);
  onCleanup(() => transport.close());
  return createClient(ReleaseService, transport);
});

test("who acts for nobody that owns a release can't make, change, delete, restore or purge one, and learns nothing of those that it can't read", async ({
  releases,
  clients,
}) => {
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const member = await createUser(clients["grpc-js"]);
  const stranger = await createUser(clients["grpc-js"]);
  await clients["grpc-js"].organizations.addMember({ organizationId, userId: member.id, role: MemberRole.ADMIN });
  const { release } = await releases.createRelease({ release: { organizationId, version: "1" } });
  const id = release?.id ?? 0n;
  const file = (await releases.createReleaseFile({ releaseFile: { releaseId: id, ident: "f", name: "f" } })).releaseFile?.id ?? 0n;
  const creations = (user: bigint) => [
    () => releases.createRelease({ release: { organizationId, version: "2" } }, actingAs(user)),
    () => releases.createReleaseFile({ releaseFile: { releaseId: id, ident: "g", name: "g" } }, actingAs(user)),
  ];
  const changes = (user: bigint) => [
    () => releases.updateRelease({ release: { id, ref: "x" } }, actingAs(user)),
    () => releases.deleteRelease({ id }, actingAs(user)),
    () => releases.undeleteRelease({ id }, actingAs(user)),
    () => releases.purgeRelease({ id }, actingAs(user)),
    () => releases.updateReleaseFile({ releaseFile: { id: file, name: "g" } }, actingAs(user)),
    () => releases.deleteReleaseFile({ id: file }, actingAs(user)),
  ];
  for (const create of creations(stranger.id)) await expectRefusal(create(), "NotFound", "REFERENCE_NOT_FOUND");
  for (const change of changes(stranger.id)) await expectRefusal(change(), "NotFound", "RESOURCE_NOT_FOUND");
  for (const write of [...creations(member.id), ...changes(member.id)]) {
    await expectRefusal(write(), "PermissionDenied", "PERMISSION_REQUIRED");
  }
  await clients["grpc-js"].organizations.setMemberRole({
    organizationId,
    member: { case: "userId", value: member.id },
    role: MemberRole.MANAGER,
  });
  await Promise.all(creations(member.id).map((create) => create()));
  expect((await releases.updateRelease({ release: { id, ref: "x" } }, actingAs(member.id))).release?.ref).toBe("x");
  await releases.purgeRelease({ id }, actingAs(member.id));
});

test("who acts for nobody that reads a parent is told by lists what is told of a missing one", async ({ clients }) => {
  const client = clients["grpc-js"];
  const stranger = await createUser(client);
  for (const name of ["release", "release_file", "monitor", "integration", "organization_integration"]) {
    const kind = kinds.find((one) => one.name === name) as (typeof kinds)[number];
    const maker = await makerOf(client, kind);
    const member = await createUser(client);
    const { organizationId } = maker;
    await client.organizations.addMember({ organizationId, userId: member.id, role: MemberRole.MANAGER });
    const list = (parentId: bigint, user: bigint, query: object = {}) =>
      maker.call("List", { [kind.listedBy.localName]: parentId, ...query }, actingAs(user));
    const told = async (parentId: bigint, query?: object) => {
      const { error, info, fields } = await expectRefusal(list(parentId, stranger.id, query), "NotFound", "REFERENCE_NOT_FOUND");
      return [error.rawMessage, info, fields];
    };
    const missing = await told(NOBODY);
    expect([await list(maker.parentId, member.id)].map((answer) => answer[maker.several])).toEqual([[]]);
    expect(await told(maker.parentId)).toEqual(missing);
    const { id } = await maker.create();
    for (const query of [{}, { count: true }, { filter: "true" }, { asUserId: member.id }])
      expect(await told(maker.parentId, query)).toEqual(missing);
    const listed = async (query: object) =>
      ((await list(maker.parentId, member.id, query))[maker.several] as { id: bigint }[]).map((one) => one.id);
    expect([await listed({}), await listed({ filter: "false" }), await listed({ asUserId: stranger.id })]).toEqual([[id], [], []]);
  }
});

test("nobody is who has no relation to anything, and a relation without a user is none", async ({ releases, clients }) => {
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  await releases.createRelease({ release: { organizationId, version: "1" } });
  expect((await releases.listReleases({ organizationId, asUserId: 0n })).releases).toEqual([]);
  expect((await releases.listReleases({ organizationId, relation: AccessRelation.OWN })).releases).toHaveLength(1);
  const counted = await releases.listReleases({ organizationId, asUserId: 0n, count: true });
  expect(counted.totalSize).toBe(0n);
  await expectRefusal(releases.listReleases({ organizationId, asUserId: -1n }), "InvalidArgument", "FIELD_INVALID");
});

test("an answer that was given for one acting user is not repeated for another", async ({ releases, clients }) => {
  const owner = await createUser(clients["grpc-js"]);
  const stranger = await createUser(clients["grpc-js"]);
  const { id: organizationId } = await createOrganization(clients["grpc-js"], {}, owner.id);
  const request = { release: { organizationId, version: "1" }, requestId: randomUUID() };
  const first = await releases.createRelease(request, actingAs(owner.id));
  expect((await releases.createRelease(request, actingAs(owner.id))).release).toEqual(first.release);
  await expectRefusal(releases.createRelease(request, actingAs(stranger.id)), "InvalidArgument", "REQUEST_ID_REUSED");
});

test("what is part of something of a project is the project's, as far down as it may be", async ({ clients, db }) => {
  const monitor = kinds.find(({ name }) => name === "monitor") as (typeof kinds)[number];
  const maker = await makerOf(clients["grpc-js"], monitor);
  const { id } = await maker.create();
  const part = { belongsTo: monitor.belongsTo, ancestors: [{ to: monitor, column: "monitor_id" }, ...monitor.ancestors] };
  const { rows } = await sql<object>`
    select ${ruledBy(part, "r")} as of_part, ${ruledBy(part, "m", monitor.ancestors)} as of_monitor, ${ruledBy(part, "p", part.ancestors.slice(2))} as of_project
    from (select ${id}::bigint as monitor_id) r join monitor m on m.id = r.monitor_id join project p on p.id = m.project_id`.execute(
    db.sql,
  );
  expect(rows).toEqual([{ of_part: maker.parentId, of_monitor: maker.parentId, of_project: maker.parentId }]);
});
