import { describe, expect } from "vitest";
import type { Reason } from "../../src/errors.ts";
import { createOrganization, createProject, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";
import { organizationCases } from "./organization.cases.ts";

const UNKNOWN = 9_000_000_000_000n;

describe.for(clientKinds)("organizations, through %s", { concurrent: true }, (kind) => organizationCases(test, kind));

test("a slug is made from the name, and numbered when it is taken", async ({ clients }) => {
  const { organizations } = clients["grpc-js"];
  const slugsOf = async (names: readonly string[]) => {
    const slugs: (string | undefined)[] = [];
    for (const name of names) slugs.push((await createOrganization(clients["grpc-js"], { name })).slug);
    return slugs;
  };
  expect(await slugsOf(["Crème brûlée", "creme_Brulee!", "Crème brûlée", "  crème -- brûlée", "日本", "日本", "2026", "_"])).toEqual([
    "creme-brulee",
    "creme_brulee",
    "creme-brulee-2",
    "creme----brulee",
    "organization",
    "organization-2",
    "organization-2026",
    "_",
  ]);
  const long = await slugsOf(["x".repeat(64), "x".repeat(64), `${"x".repeat(50)}y`]);
  expect(long).toEqual(["x".repeat(50), `${"x".repeat(39)}-2`, `${"x".repeat(39)}-3`]);
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const { project } = await organizations.createProject({ project: { organizationId, name: "日本" } });
  const { team } = await organizations.createTeam({ team: { organizationId, name: "123" } });
  expect([project?.slug, team?.slug]).toEqual(["project", "team-123"]);
});

test("of many that are given the same slug at once each gets its own", async ({ clients }) => {
  const { organizations } = clients["grpc-js"];
  const name = unique("Raced ");
  const raced = await Promise.all(Array.from({ length: 20 }, () => createOrganization(clients["grpc-js"], { name })));
  expect(new Set(raced.map(({ slug }) => slug)).size).toBe(20);
  const [{ id: organizationId = 0n, slug = "" } = {}] = raced;
  const projects = await Promise.all(
    Array.from({ length: 10 }, () => organizations.createProject({ project: { organizationId, name: "P" } })),
  );
  expect(projects.map(({ project }) => project?.slug).sort()).toEqual(["p", ...Array.from({ length: 9 }, (_, n) => `p-${n + 2}`)].sort());
  const wanted = unique("wanted-");
  const outcomes = await Promise.allSettled(
    Array.from({ length: 5 }, () => organizations.updateOrganization({ organization: { id: organizationId, slug: wanted } })),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
  const others = await Promise.allSettled(
    raced.slice(1, 6).map(({ id }) => organizations.updateOrganization({ organization: { id, slug } })),
  );
  expect(others.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("lists page by id, each once, and tell unknown organizations", async ({ clients }) => {
  const { organizations } = clients["grpc-js"];
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const made = [];
  for (let i = 0; i < 5; i++) made.push((await createProject(clients["grpc-js"], organizationId)).id);
  const walked: bigint[] = [];
  let pageToken = "";
  do {
    const page = await organizations.listProjects({ organizationId, pageSize: 2, pageToken });
    walked.push(...page.projects.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(walked).toEqual(made);
  const { nextPageToken } = await organizations.listOrganizations({ pageSize: 1 });
  expect((await organizations.listOrganizations({ pageSize: 1, pageToken: nextPageToken })).organizations).toHaveLength(1);
  await expectRefusal(organizations.listProjects({ organizationId, pageToken: nextPageToken }), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  await expectRefusal(organizations.listProjects({ organizationId: UNKNOWN }), "NotFound", "ORGANIZATION_NOT_FOUND");
  await expectRefusal(organizations.listTeams({ organizationId: UNKNOWN }), "NotFound", "ORGANIZATION_NOT_FOUND");
});

describe("bad input", () => {
  const big = "x".repeat(201);
  const requestId = "no uuid";
  type Expected = readonly [code: "InvalidArgument" | "NotFound", reason: Reason];
  type Call = readonly [name: string, fields: object, expected?: Expected];
  const isInvalid: Expected = ["InvalidArgument", "FIELD_INVALID"];
  const invalid: Call[] = [
    ["createOrganization", {}],
    ["createOrganization", { organization: { slug: "s" } }],
    ["createOrganization", { organization: { name: "x".repeat(65) } }],
    ["createOrganization", { organization: { name: " \n" } }],
    ["createOrganization", { organization: { name: "a\0" } }],
    ...["Upper", "123", "a b", "ä", "a\n", "x".repeat(51)].map(
      (slug): Call => ["createOrganization", { organization: { name: "n", slug } }],
    ),
    ["createOrganization", { organization: { name: "n", status: 3 } }],
    ["createOrganization", { organization: { name: "n", status: 99 } }],
    ["createOrganization", { organization: { name: "n" }, ownerUserId: -1n }],
    ["createOrganization", { organization: { name: "n" }, requestId }],
    ["getOrganization", {}],
    ["getOrganization", { key: { case: "id", value: 0n } }],
    ["getOrganization", { key: { case: "slug", value: "" } }],
    ["updateOrganization", {}],
    ["updateOrganization", { organization: { id: 1n }, updateMask: { paths: ["nick"] } }],
    ["deleteOrganization", { id: 0n }],
    ["undeleteOrganization", { id: -1n }],
    ["purgeOrganization", { id: 0n }],
    ["listOrganizations", { pageSize: -1 }],
    ["createProject", {}],
    ["createProject", { project: { name: "n" } }],
    ["createProject", { project: { organizationId: 1n, name: big } }],
    ["getProject", { key: { case: "slug", value: { slug: "s" } } }],
    ["updateProject", {}],
    ["deleteProject", {}],
    ["undeleteProject", {}],
    ["purgeProject", {}],
    ["listProjects", {}],
    ["createTeam", { team: { organizationId: 1n } }],
    ["getTeam", {}],
    ["updateTeam", {}],
    ["deleteTeam", {}],
    ["undeleteTeam", {}],
    ["purgeTeam", {}],
    ["listTeams", { organizationId: 1n, pageSize: -1 }],
    ["inviteMember", { organizationId: 1n, email: "no address", role: 1 }],
    ["inviteMember", { organizationId: 1n, email: `${big}@example.com`, role: 1 }],
    ["inviteMember", { organizationId: 1n, email: "a@example.com" }],
    ["inviteMember", { organizationId: 1n, email: "a@example.com", role: 9 }],
    ["resendInvitation", { organizationId: 1n }],
    ["resendInvitation", { organizationId: 1n, memberId: 1n, requestId }],
    ["addMember", { organizationId: 1n, role: 1 }],
    ["addMember", { organizationId: 1n, userId: 1n }],
    ["removeMember", { organizationId: 1n }],
    ["removeMember", { organizationId: 1n, member: { case: "userId", value: 0n } }],
    ["setMemberRole", { organizationId: 1n, member: { case: "userId", value: 1n } }],
    ["listMembers", { organizationId: 1n, role: 9 }],
    ["listMembers", {}],
    ["addTeamMember", { teamId: 1n }],
    ["removeTeamMember", { member: { case: "userId", value: 1n } }],
    ["addProjectTeam", { projectId: 1n }],
    ["removeProjectTeam", { teamId: 1n }],
    ["listUserOrganizations", {}],
    ...["planOrganizationErasure", "planProjectErasure", "planTeamErasure"].map((name): Call => [name, {}]),
    ["batchGetMemberships", {}],
    ["batchGetMemberships", { pairs: [{ userId: 1n }] }],
    ["batchGetMemberships", { pairs: Array.from({ length: 1_001 }, () => ({ userId: 1n, organizationId: 1n })) }],
  ];
  const missing: Call[] = [
    ["createOrganization", { organization: { name: "n" }, ownerUserId: UNKNOWN }, ["NotFound", "USER_NOT_FOUND"]],
    ["getOrganization", { key: { case: "slug", value: "no-such-slug" } }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ...["undeleteOrganization", "purgeOrganization", "deleteOrganization"].map(
      (name): Call => [name, { id: UNKNOWN }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ),
    ...["undeleteProject", "purgeProject", "deleteProject"].map((name): Call => [name, { id: UNKNOWN }, ["NotFound", "PROJECT_NOT_FOUND"]]),
    ...["undeleteTeam", "purgeTeam", "deleteTeam"].map((name): Call => [name, { id: UNKNOWN }, ["NotFound", "TEAM_NOT_FOUND"]]),
    ["updateOrganization", { organization: { id: UNKNOWN, name: "n" } }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ["updateProject", { project: { id: UNKNOWN, name: "n" } }, ["NotFound", "PROJECT_NOT_FOUND"]],
    ["updateTeam", { team: { id: UNKNOWN, name: "n" } }, ["NotFound", "TEAM_NOT_FOUND"]],
    ["createProject", { project: { organizationId: UNKNOWN, name: "n" } }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ["inviteMember", { organizationId: UNKNOWN, email: "a@example.com", role: 1 }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ["resendInvitation", { organizationId: UNKNOWN, memberId: 1n }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ["addMember", { organizationId: UNKNOWN, userId: 1n, role: 1 }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ["removeMember", { organizationId: UNKNOWN, member: { case: "userId", value: 1n } }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ["addTeamMember", { teamId: UNKNOWN, member: { case: "userId", value: 1n } }, ["NotFound", "TEAM_NOT_FOUND"]],
    ["addProjectTeam", { projectId: UNKNOWN, teamId: 1n }, ["NotFound", "PROJECT_NOT_FOUND"]],
    ["listMembers", { organizationId: UNKNOWN }, ["NotFound", "ORGANIZATION_NOT_FOUND"]],
    ["listUserOrganizations", { userId: UNKNOWN }, ["NotFound", "USER_NOT_FOUND"]],
  ];
  test("is refused with a code, a reason and never INTERNAL, by every RPC", async ({ clients }) => {
    const rpcs = clients["grpc-js"].organizations as unknown as Record<string, (request: object) => Promise<unknown>>;
    for (const [name, fields, [code, reason] = isInvalid] of [...invalid, ...missing]) {
      await expectRefusal(rpcs[name]?.(fields) ?? Promise.resolve(`no RPC ${name}`), code, reason);
    }
    expect(new Set(invalid.map(([name]) => name)).size).toBe(Object.keys(rpcs).length);
  });
});
