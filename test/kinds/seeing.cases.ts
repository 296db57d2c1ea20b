import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { MemberRole, TeamRole } from "../../src/gen/userd/v1/member_pb.ts";
import { actingAs, createProfile, createTeam, createUser } from "../support/build.ts";
import type { ClientKind, Clients } from "../support/clients.ts";
import type { ServiceTest } from "../support/service.ts";
import { list } from "./asking.ts";
import { isOwned, type Maker, makerOf, type Shown } from "./maker.ts";

/** What a user may do with a resource. */
type May = "" | "reads" | "owns";

/** What each role may do, and who has it. */
type Role = readonly [name: string, may: May, userId: bigint];

/** What the table of docs/kinds.md says of members, by the role in the organization. */
const ofOrganization = [
  ["member", "reads", MemberRole.MEMBER],
  ["admin", "reads", MemberRole.ADMIN],
  ["manager", "owns", MemberRole.MANAGER],
  ["owner", "owns", MemberRole.OWNER],
] as const;

/** And of members of a team of the project. */
const ofTeam = [
  ["team member", "reads", TeamRole.MEMBER],
  ["team admin", "owns", TeamRole.ADMIN],
] as const;

/** Members of an organization, in each role and in each team role of a team of the project. */
const membersOf = async (client: Clients, { organizationId, things }: Maker, isOfProject: boolean): Promise<Role[]> => {
  const { organizations } = client;
  const join = async (role: MemberRole) => {
    const { id: userId } = await createUser(client);
    await organizations.addMember({ organizationId, userId, role });
    return userId;
  };
  const roles: Role[] = [];
  for (const [name, may, role] of ofOrganization) roles.push([name, isOfProject && may === "reads" ? "" : may, await join(role)]);
  if (!isOfProject) return roles;
  const { id: teamId } = await createTeam(client, organizationId);
  await organizations.addProjectTeam({ projectId: things["project"] ?? 0n, teamId });
  for (const [name, may, role] of ofTeam) {
    const userId = await join(MemberRole.MEMBER);
    await organizations.addTeamMember({ teamId, member: { case: "userId", value: userId }, role });
    roles.push([name, may, userId]);
  }
  return roles;
};

/** The owner of a profile, and the others in its account. */
const ownersOf = async (client: Clients, { organizationId: id }: Maker): Promise<Role[]> => {
  const { profile } = await client.profiles.getProfile({ key: { case: "id", value: id } });
  const join = async (isStaff: boolean) => {
    const { id: userId } = await createUser(client, { isStaff });
    await createProfile(client, userId, profile?.accountId ?? 0n);
    return userId;
  };
  return [
    ["owner", "owns", profile?.userId ?? 0n],
    ["staff of the account", "owns", await join(true)],
    ["peer", "", await join(false)],
  ];
};

/** The outcomes of reads and writes: "done", or the number of the error. */
const reads: Readonly<Record<May, unknown>> = { "": 5, reads: "done", owns: "done" };
const writes: Readonly<Record<May, unknown>> = { "": 5, reads: 7, owns: "done" };

const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    ({ code }: { readonly code: number }) => code,
  );

/** What a user does with a resource, by each operation. */
const actsOf = async (maker: Maker, { id }: Shown, valid: object, userId: bigint): Promise<Readonly<Record<string, unknown>>> => {
  const { kind, field, several, parentId, call } = maker;
  const acting = actingAs(userId);
  const one = { key: { case: "id", value: id } };
  const ids = async (query: object) => (await list(maker, query)).rows.map((row) => row.id);
  const verbs = kind.isLarge ? [] : (["Delete", ...(kind.isSoft ? (["Purge"] as const) : [])] as const);
  const make = () =>
    kind.isLarge
      ? call("Append", { [several]: [valid], validateOnly: true }, acting)
      : call("Create", { [field]: valid, validateOnly: true }, acting);
  return {
    get: await outcomeOf(call("Get", one, acting)),
    batchGet: ((await call("BatchGet", { ids: [id] }, acting))[several] as Shown[]).map((row) => row.id),
    list: await outcomeOf(call("List", { [kind.listedBy.localName]: parentId }, acting)),
    read: await ids({ asUserId: userId }),
    owned: await ids({ asUserId: userId, relation: AccessRelation.OWN }),
    create: await outcomeOf(make()),
    ...(!kind.isLarge && { update: await outcomeOf(call("Update", { [field]: { id } }, acting)) }),
    ...Object.fromEntries(
      await Promise.all(verbs.map(async (verb) => [verb, await outcomeOf(call(verb, { id, validateOnly: true }, acting))] as const)),
    ),
  };
};

/** The cases of who may see and write the resources of a kind: a user of each role, by each operation. */
export const seeingCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  // A transport knows nothing of roles.
  if (clientKind !== "grpc-js") return;
  test("is seen and written by those whom the table of the documents names, and is not there for others", async ({ clients }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const isOfProject = kind.ancestors.some(({ to }) => to.name === "project");
    if (!isOwned(kind))
      await client.organizations.updateOrganization({ organization: { id: maker.organizationId, openMembership: false } });
    const [shown, valid] = [await maker.create(), await maker.valid()];
    const roles: readonly Role[] = [
      ...(isOwned(kind) ? await ownersOf(client, maker) : await membersOf(client, maker, isOfProject)),
      ["stranger", "", (await createUser(client)).id],
      ["superuser", "owns", (await createUser(client, { isSuperuser: true })).id],
    ];
    for (const [role, may, userId] of roles) {
      const ids = may === "" ? [] : [shown.id];
      const verbs = kind.isLarge ? [] : ["update", "Delete", ...(kind.isSoft ? ["Purge"] : [])];
      expect([role, await actsOf(maker, shown, valid, userId)]).toEqual([
        role,
        {
          ...{ get: reads[may], batchGet: ids, list: reads[may], read: ids, owned: may === "owns" ? ids : [], create: writes[may] },
          ...Object.fromEntries(verbs.map((verb) => [verb, writes[may]])),
        },
      ]);
    }
  });
};
