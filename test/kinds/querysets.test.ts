import { readFileSync } from "node:fs";
import type { Client } from "@connectrpc/connect";
import { expect, test as plain } from "vitest";
import type { ReleaseService } from "../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createOrganization, createUser } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base } from "../support/service.ts";
import { list } from "./asking.ts";
import { callerOf, makerOf } from "./maker.ts";

/** Releases "a" to "d" of an organization, of which "c" and "d" have an owner, and lists of them by version. */
const test = base.extend("releases", { scope: "file" }, async ({ clients }) => {
  const client = clients["grpc-js"];
  const service = client.families["ReleaseService"] as unknown as Client<typeof ReleaseService>;
  const [member, manager] = [await createUser(client), await createUser(client)];
  const { id: organizationId } = await createOrganization(client);
  await client.organizations.addMember({ organizationId, userId: member.id, role: MemberRole.MEMBER });
  await client.organizations.addMember({ organizationId, userId: manager.id, role: MemberRole.MANAGER });
  const ids: bigint[] = [];
  for (const version of ["a", "b", "c", "d"]) {
    const ownerUserId = version > "b" ? manager.id : undefined;
    const { release } = await service.createRelease({ release: { organizationId, version, ...(ownerUserId && { ownerUserId }) } });
    ids.push(release?.id ?? 0n);
  }
  const list = async (query: object) =>
    (await service.listReleases({ organizationId, ...query })).releases.map(({ version }) => version).join("");
  return { service, organizationId, ids, member, manager, list };
});
/** The part of the fixture that the rows about filters use. */
type Releases = { readonly list: (query: object) => Promise<string> };

const ofFilters: Readonly<Record<string, (releases: Releases, manager: bigint) => Promise<void>>> = {
  "`filter`, `complex_filter`": async ({ list }) => {
    expect(await list({ filter: 'version >= "b" && (version == "a" || version < "d")' })).toBe("bc");
  },
  "`exclude(…)`": async ({ list }, manager) => {
    expect(await list({ filter: `!(owner_user_id == ${manager})` })).toBe("ab");
    expect(await list({ filter: `owner_user_id != ${manager}` })).toBe("");
  },
  "`union`": async ({ list }) => {
    // What both find comes once.
    expect(await list({ filter: 'version < "c" || version == "b" || version == "d"' })).toBe("abd");
  },
  "`intersection`": async ({ list }) => {
    expect(await list({ filter: 'version < "c" && version > "a"' })).toBe("b");
  },
  "`difference`": async ({ list }) => {
    expect(await list({ filter: 'version < "d" && !(version == "b")' })).toBe("ac");
  },
  "`none()`": async ({ list }) => {
    expect(await list({ filter: "false" })).toBe("");
  },
  "`distinct()`": async ({ list }, manager) => {
    expect(await list({ filter: `owner_user_id == ${manager} || has(owner_user_id)` })).toBe("cd");
  },
  "`order_by`": async ({ list }) => {
    expect(await list({ orderBy: "version desc" })).toBe("dcba");
    // The same organization: the id decides.
    expect(await list({ orderBy: "id" })).toBe("abcd");
  },
};

for (const [row, check] of Object.entries(ofFilters))
  test(`the queryset ${row} is what docs/kinds.md says`, ({ releases }) => check(releases, releases.manager.id));

test("the queryset `with_read…`, `with_ownership…` is what docs/kinds.md says", async ({ releases, clients }) => {
  const { list, member, manager, organizationId, service } = releases;
  const stranger = await createUser(clients["grpc-js"]);
  expect(await list({ asUserId: member.id })).toBe("abcd");
  expect(await list({ asUserId: member.id, relation: AccessRelation.OWN })).toBe("");
  expect(await list({ asUserId: manager.id, relation: AccessRelation.OWN })).toBe("abcd");
  expect((await service.listReleases({ organizationId, asUserId: stranger.id })).releases).toEqual([]);
  expect(await list({ filter: `readable(${member.id}) && !owned(${member.id})` })).toBe("abcd");
  expect(await list({ filter: `readable(${manager.id}) && !owned(${manager.id})` })).toBe("");
});

test("the queryset `in_bulk` is what docs/kinds.md says", async ({ releases: { service, ids } }) => {
  const { releases } = await service.batchGetReleases({ ids: [...ids].reverse() });
  expect(releases.map(({ version }) => version).join("")).toBe("dcba");
});

test("the queryset `select_related`, `prefetch_…` is what docs/kinds.md says", async ({
  releases: { service, organizationId, manager },
}) => {
  const { expanded } = await service.listReleases({ organizationId, expand: ["owner_user_id", "project_ids", "organization_id"] });
  expect([expanded?.users.map(({ id }) => id), expanded?.projects, expanded?.organizations.map(({ id }) => id)]).toEqual([
    [manager.id],
    [],
    [organizationId],
  ]);
});

test("the queryset `select_for_update` is what docs/kinds.md says", async ({ releases: { service, ids } }) => {
  const [id = 0n] = ids;
  const { release } = await service.getRelease({ key: { case: "id", value: id } });
  const write = (ref: string) => service.updateRelease({ release: { id, ref, etag: release?.etag ?? "" } });
  expect((await write("first")).release?.ref).toBe("first");
  await expectRefusal(write("second"), "Aborted", "ETAG_MISMATCH");
});

test("the queryset `annotate`, `alias` is what docs/kinds.md says", async ({ releases: { organizationId, service, ids }, clients }) => {
  const [releaseId = 0n] = ids;
  for (const ident of ["a", "b"]) await service.createReleaseFile({ releaseFile: { releaseId, ident, name: ident } });
  expect((await service.listReleaseFiles({ releaseId, pageSize: 1, count: true })).totalSize).toBe(2n);
  const kindOf = (name: string) => kinds.find((kind) => kind.name === name) as (typeof kinds)[number];
  const groups = await makerOf(clients["grpc-js"], kindOf("group"), organizationId);
  const { id } = await groups.create({ timesSeen: 0n });
  const events = [{ projectId: groups.parentId, groupId: id }];
  await callerOf(clients["grpc-js"], kindOf("event")).call("Append", { events });
  expect((await list(groups, { filter: "times_seen > 0" })).rows.map((group) => group.id)).toEqual([id]);
});

plain("each row of the table of querysets in docs/kinds.md has a test", () => {
  const lines = readFileSync("docs/kinds.md", "utf8").split("\n");
  const first = lines.findIndex((line) => line.startsWith("| queryset "));
  const rows = lines.slice(first + 2, lines.indexOf("", first)).map((line) => line.split("|")[1]?.trim());
  const text = readFileSync("test/kinds/querysets.test.ts", "utf8");
  expect(rows.length).toBeGreaterThan(10);
  const isTested = (row = "") => Object.hasOwn(ofFilters, row) || text.includes(`"the queryset ${row} is what docs/kinds.md says"`);
  expect(rows.filter((row) => !isTested(row))).toEqual([]);
});
