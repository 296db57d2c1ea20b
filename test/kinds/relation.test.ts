import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import fc from "fast-check";
import { type Kysely, sql } from "kysely";
import { expect } from "vitest";
import { ReleaseService } from "../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import type { Schema } from "../../src/schema/entities.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { actingAs, createOrganization, createUser } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { createGrpcJsTransport } from "../support/grpc-js-transport.ts";
import { test as base } from "../support/service.ts";

const test = base.extend("releases", async ({ service }, { onCleanup }) => {
  const transport = createGrpcJsTransport(formatAddress(service.grpcAddress), 30_000);
  onCleanup(() => transport.close());
  return createClient(ReleaseService, transport);
});

const WORLDS = 100;
const BATCHES = 10;
const USERS = 3;
const ORGANIZATIONS = 2;

/** A user of a model world, and its role in each organization: 0 member to 3 owner, -1 = it is no member. */
type ModelUser = {
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly isDeleted: boolean;
  readonly isSuperuser: boolean;
  readonly isStaff: boolean;
  readonly roles: readonly number[];
};

const rarely = fc.integer({ min: 0, max: 5 }).map((drawn) => drawn === 0);

const user: fc.Arbitrary<ModelUser> = fc.record({
  isActive: rarely.map((is) => !is),
  isSuspended: rarely,
  isDeleted: rarely,
  isSuperuser: rarely,
  isStaff: fc.boolean(),
  roles: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: ORGANIZATIONS, maxLength: ORGANIZATIONS }),
});

const world = fc.record({
  users: fc.array(user, { minLength: USERS, maxLength: USERS }),
  asking: fc.nat(USERS - 1),
  about: fc.nat(ORGANIZATIONS - 1),
});

/** Whether a user may read, or own, what belongs to an organization: said once more, as plainly as possible. */
const mayAccess = ({ isActive, isSuspended, isDeleted, isSuperuser, roles }: ModelUser, relation: "read" | "own", organization: number) => {
  if (!isActive || isSuspended || isDeleted) return false;
  if (isSuperuser) return true;
  const role = roles[organization] ?? -1;
  return relation === "own" ? role >= 2 : role >= 0;
};

/** Stores worlds by SQL, with the triggers that every write has, and a release with a file in each organization; through the API it would take minutes. */
const store = async (db: Kysely<Schema>, worlds: readonly { readonly users: readonly ModelUser[] }[], first: bigint) => {
  const userId = (world: number, index: number) => first + BigInt(world * USERS + index);
  const organizationId = (world: number, index: number) => first + BigInt(world * ORGANIZATIONS + index);
  const json = (rows: readonly object[]) => JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? String(value) : value));
  const users = worlds.flatMap(({ users }, world) => users.map((one, index) => ({ id: userId(world, index), ...one })));
  const organizations = worlds.flatMap((_, world) => Array.from({ length: ORGANIZATIONS }, (_, index) => organizationId(world, index)));
  const members = worlds.flatMap(({ users }, world) =>
    users.flatMap(({ roles }, index) =>
      roles.flatMap((role, organization) =>
        role < 0 ? [] : [{ organization: organizationId(world, organization), user: userId(world, index), role }],
      ),
    ),
  );
  const ids = sql`unnest(${organizations.map(String)}::bigint[]) id`;
  await sql`
    insert into users (id, username, username_canonical, is_active, is_suspended, is_staff, is_superuser, delete_time, purge_time)
    select id, id, id, "isActive", "isSuspended", "isStaff", "isSuperuser",
      case when "isDeleted" then now() end, case when "isDeleted" then 'infinity'::timestamptz end
    from jsonb_to_recordset(${json(users)}::jsonb) as u (id bigint, "isActive" boolean, "isSuspended" boolean, "isStaff" boolean,
      "isSuperuser" boolean, "isDeleted" boolean)`.execute(db);
  await sql`insert into organization (id, name, slug) select id, id, 'o' || id from ${ids}`.execute(db);
  await sql`
    insert into organization_member (organization_id, user_id, role)
    select organization, "user", role from jsonb_to_recordset(${json(members)}::jsonb) as m (organization bigint, "user" bigint, role int)`.execute(
    db,
  );
  await sql`insert into release (id, organization_id, version) select id, id, 'v' || id from ${ids}`.execute(db);
  await sql`insert into release_file (id, organization_id, release_id, ident, name) select id, id, id, 'f', 'f' from ${ids}`.execute(db);
  return { userId, organizationId };
};

let next = 1_000_000n;

test("1,000 random worlds get the answers of the model for what belongs to organizations, by lists and by writes", {
  timeout: 240_000,
}, async ({ releases: client, db }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(world, { minLength: WORLDS, maxLength: WORLDS }), async (worlds) => {
      const { userId, organizationId } = await store(db.sql, worlds, next);
      next += 1_000_000n;
      await Promise.all(
        worlds.map(async ({ users, asking, about }, index) => {
          const one = users[asking] as ModelUser;
          const [asUserId, id] = [userId(index, asking), organizationId(index, about)];
          for (const relation of ["read", "own"] as const) {
            const related = { asUserId, relation: relation === "own" ? AccessRelation.OWN : AccessRelation.READ };
            const expected = mayAccess(one, relation, about) ? [id] : [];
            const { releases } = await client.listReleases({ organizationId: id, ...related });
            expect(releases.map((release) => release.id)).toEqual(expected);
            const { releaseFiles } = await client.listReleaseFiles({ releaseId: id, ...related });
            expect(releaseFiles.map((file) => file.id)).toEqual(expected);
          }
          const outcome = await client.updateRelease({ release: { id, ref: "x" } }, actingAs(asUserId)).then(
            () => "written",
            (error: { readonly code: number }) => error.code,
          );
          const [reads, owns] = [mayAccess(one, "read", about), mayAccess(one, "own", about)];
          expect(outcome).toEqual(owns ? "written" : reads ? 7 : 5);
        }),
      );
    }),
    { numRuns: BATCHES, endOnFailure: true },
  );
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
