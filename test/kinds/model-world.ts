import fc from "fast-check";
import { type Kysely, sql } from "kysely";
import type { Schema } from "../../src/schema/entities.ts";

/** How many of each a world has. */
const [USERS, ORGANIZATIONS, PROJECTS, TEAMS] = [3, 2, 2, 2] as const;

/** A user, with its role in each organization (0 member to 3 owner, -1 = none) and in each team of each (0 member, 1 admin, -1 = none). */
export type ModelUser = {
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly isDeleted: boolean;
  readonly isSuperuser: boolean;
  readonly isStaff: boolean;
  readonly roles: readonly number[];
  readonly teamRoles: readonly (readonly number[])[];
};

type ModelOrganization = {
  readonly isOpen: boolean;
  readonly areTeamsDeleted: readonly boolean[];
  /** Of each project, whether it is given to each team. */
  readonly isGiven: readonly (readonly boolean[])[];
};

/** Users, organizations, and who of the users asks. */
export type World = { readonly users: readonly ModelUser[]; readonly organizations: readonly ModelOrganization[]; readonly asking: number };

/** What a resource belongs to: an organization, one of its projects, or organizations that share it. */
export type Place =
  | { readonly of: "organization"; readonly organization: number }
  | { readonly of: "project"; readonly organization: number; readonly project: number }
  | { readonly of: "organizations"; readonly organizations: readonly number[] };

/** What resources of a world can belong to. */
export const organizations: readonly Place[] = [0, 1].map((organization) => ({ of: "organization", organization }));
export const projects: readonly Place[] = [0, 1].flatMap((organization) =>
  [0, 1].map((project) => ({ of: "project", organization, project }) as const),
);
export const sharing: readonly Place[] = [[0], [1], [0, 1]].map((some) => ({ of: "organizations", organizations: some }));

const exactly = <T>(arbitrary: fc.Arbitrary<T>, length: number) => fc.array(arbitrary, { minLength: length, maxLength: length });
const rarely = fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 0);

const user: fc.Arbitrary<ModelUser> = fc.record({
  isActive: rarely.map((is) => !is),
  isSuspended: rarely,
  isDeleted: rarely,
  isSuperuser: rarely,
  isStaff: fc.boolean(),
  roles: exactly(fc.constantFrom(-1, 0, 0, 1, 2, 3), ORGANIZATIONS),
  teamRoles: exactly(exactly(fc.integer({ min: -1, max: 1 }), TEAMS), ORGANIZATIONS),
});

const organization: fc.Arbitrary<ModelOrganization> = fc.record({
  isOpen: fc.integer({ min: 0, max: 2 }).map((drawn) => drawn === 0),
  areTeamsDeleted: exactly(rarely, TEAMS),
  isGiven: exactly(exactly(fc.boolean(), TEAMS), PROJECTS),
});

/** Random worlds. */
export const world: fc.Arbitrary<World> = fc.record({
  users: exactly(user, USERS),
  organizations: exactly(organization, ORGANIZATIONS),
  asking: fc.nat(USERS - 1),
});

/** What a user is, in the words of the table in docs/kinds.md, to what belongs to a place. */
export const roleOf = ({ users, organizations: all, asking }: World, place: Place): string => {
  const { isActive, isSuspended, isDeleted, isSuperuser, roles, teamRoles } = users[asking] as ModelUser;
  if (!isActive || isSuspended || isDeleted) return "not present";
  if (isSuperuser) return "superuser";
  const within = place.of === "organizations" ? place.organizations : [place.organization];
  const own = within.map((one) => roles[one] ?? -1);
  if (own.every((role) => role >= 2)) return "manager";
  if (own.some((role) => role >= 2)) return "manager of some";
  if (own.every((role) => role < 0)) return "stranger";
  if (place.of !== "project") return "member";
  const { isOpen, areTeamsDeleted, isGiven } = all[place.organization] as ModelOrganization;
  const inTeams = (teamRoles[place.organization] ?? []).filter((_, team) => isGiven[place.project]?.[team] && !areTeamsDeleted[team]);
  if (inTeams.includes(1)) return "team admin";
  if (inTeams.includes(0)) return "team member";
  return isOpen ? "member, open" : "member";
};

/** The table "Who may see and write them" of docs/kinds.md, once more: what each of these may do. */
export const table: Readonly<Record<Place["of"], Readonly<Record<string, "" | "reads" | "owns">>>> = {
  organization: { "not present": "", superuser: "owns", stranger: "", member: "reads", manager: "owns" },
  project: {
    ...{ "not present": "", superuser: "owns", stranger: "", manager: "owns" },
    ...{ member: "", "member, open": "reads", "team member": "reads", "team admin": "owns" },
  },
  organizations: { "not present": "", superuser: "owns", stranger: "", member: "reads", "manager of some": "reads", manager: "owns" },
};

/** The ids of what a world has, by its indexes. */
export type Ids = {
  readonly user: (index: number) => bigint;
  readonly organization: (index: number) => bigint;
  readonly project: (organization: number, index: number) => bigint;
  readonly shared: (index: number) => bigint;
};

const json = (rows: readonly object[]): string => JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? String(value) : value));

/** Inserts rows of objects with the names of columns; through the API it would take minutes. */
const insert = async (db: Kysely<Schema>, name: string, types: string, rows: readonly object[]): Promise<void> => {
  const names = types.replaceAll(/ \w+(,|$)/g, "$1");
  await sql`insert into ${sql.table(name)} (${sql.raw(names)})
    select ${sql.raw(names)} from jsonb_to_recordset(${json(rows)}::jsonb) as r (${sql.raw(types)})`.execute(db);
};

/**
 * Stores worlds, and in each of them: in every organization a release with a file, in every project a monitor, and an integration for each
 * of `sharing`. A resource has the id of what it belongs to.
 */
export const store = async (db: Kysely<Schema>, worlds: readonly World[], first: bigint): Promise<readonly Ids[]> => {
  const idsOf = (at: number): Ids => {
    const base = first + BigInt(at) * 100n;
    return {
      user: (index) => base + BigInt(index),
      organization: (index) => base + BigInt(index),
      project: (of, index) => base + BigInt(of * PROJECTS + index),
      shared: (index) => base + BigInt(index),
    };
  };
  const all = worlds.map((one, at) => ({ ...one, ids: idsOf(at) }));
  const ofOrganizations = all.flatMap(({ organizations: some, users, ids }) =>
    some.map((one, at) => ({ ...one, at, users, ids, id: ids.organization(at) })),
  );
  const now = "2026-01-01T00:00:00Z";
  const deleted = (is: boolean) => ({ delete_time: is ? now : null, purge_time: is ? "infinity" : null });
  const add = (name: string, types: string, rows: readonly object[]) => insert(db, name, types, rows);
  const flags = "is_active boolean, is_suspended boolean, is_staff boolean, is_superuser boolean";
  await add(
    "users",
    `id bigint, username text, username_canonical text, ${flags}, delete_time timestamptz, purge_time timestamptz`,
    all.flatMap(({ users, ids }) =>
      users.map((one, at) => {
        const { isActive: is_active, isSuspended: is_suspended, isStaff: is_staff, isSuperuser: is_superuser } = one;
        const [id, username] = [ids.user(at), `u${ids.user(at)}`];
        return { id, username, username_canonical: username, is_active, is_suspended, is_staff, is_superuser, ...deleted(one.isDeleted) };
      }),
    ),
  );
  const named = "id bigint, name text, slug text";
  await add(
    "organization",
    `${named}, open_membership boolean`,
    ofOrganizations.map(({ id, isOpen }) => ({ id, name: id, slug: `o${id}`, open_membership: isOpen })),
  );
  const within = (of: (typeof ofOrganizations)[number], count: number) =>
    Array.from({ length: count }, (_, index) => ({ index, id: of.ids.project(of.at, index), organization_id: of.id }));
  await add(
    "project",
    `${named}, organization_id bigint`,
    ofOrganizations.flatMap((of) => within(of, PROJECTS).map((one) => ({ ...one, name: "p", slug: `p${one.id}` }))),
  );
  await add(
    "team",
    `${named}, organization_id bigint, delete_time timestamptz, purge_time timestamptz`,
    ofOrganizations.flatMap((of) =>
      within(of, TEAMS).map((one) => ({ ...one, name: "t", slug: `t${one.id}`, ...deleted(of.areTeamsDeleted[one.index] ?? false) })),
    ),
  );
  await add(
    "project_team",
    "project_id bigint, team_id bigint",
    ofOrganizations.flatMap((of) =>
      of.isGiven.flatMap((teams, project) =>
        teams.flatMap((is, team) => (is ? [{ project_id: of.ids.project(of.at, project), team_id: of.ids.project(of.at, team) }] : [])),
      ),
    ),
  );
  const members = ofOrganizations.flatMap(({ id: organization_id, at, users, ids }) =>
    users.flatMap(({ roles, teamRoles }, user) => {
      const role = roles[at] ?? -1;
      const member = { id: organization_id * 10n + BigInt(user), organization_id, user_id: ids.user(user), role };
      const ofTeams = (teamRoles[at] ?? []).flatMap((one, team) =>
        one < 0 ? [] : [{ organization_id, team_id: ids.project(at, team), member_id: member.id, role: one }],
      );
      return role < 0 ? [] : [{ member, ofTeams }];
    }),
  );
  await add(
    "organization_member",
    "id bigint, organization_id bigint, user_id bigint, role int",
    members.map(({ member }) => member),
  );
  await add(
    "team_member",
    "organization_id bigint, team_id bigint, member_id bigint, role int",
    members.flatMap(({ ofTeams }) => ofTeams),
  );
  const releases = ofOrganizations.map(({ id }) => ({ id, organization_id: id, release_id: id, version: "v", ident: "f", name: "f" }));
  await add("release", "id bigint, organization_id bigint, version text", releases);
  await add("release_file", "id bigint, organization_id bigint, release_id bigint, ident text, name text", releases);
  await add(
    "monitor",
    "id bigint, organization_id bigint, project_id bigint, guid text, slug text",
    ofOrganizations.flatMap((of) => within(of, PROJECTS).map((one) => ({ ...one, project_id: one.id, guid: `g${one.id}`, slug: "m" }))),
  );
  const shared = all.flatMap(({ ids }) => sharing.map((place, at) => ({ id: ids.shared(at), ids, place })));
  await add(
    "integration",
    "id bigint, provider text, external_id text",
    shared.map(({ id }) => ({ id, provider: "p", external_id: id })),
  );
  await add(
    "integration_organization",
    "integration_id bigint, organization_id bigint",
    shared.flatMap(({ id: integration_id, ids, place }) =>
      place.of === "organizations" ? place.organizations.map((one) => ({ integration_id, organization_id: ids.organization(one) })) : [],
    ),
  );
  return all.map(({ ids }) => ids);
};
