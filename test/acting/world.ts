import { sql } from "kysely";
import type { Database } from "../../src/db/orm.ts";
import { MemberRole, TeamRole } from "../../src/gen/userd/v1/member_pb.ts";
import { createAccount, createOrganization, createProfile, createProject, createTeam, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";

/** What is known of an acting user. Everything is about the things of the target `here`, of which `subject` is the user. */
export type Actor = {
  readonly id: bigint;
  readonly isPresent: boolean;
  readonly isSuperuser: boolean;
  readonly isAdmin: boolean;
  readonly isStaff: boolean;
  readonly isSubject: boolean;
  /** The role in the organization: 0 none, 1 member, 2 admin, 3 manager, 4 owner. */
  readonly role: 0 | 1 | 2 | 3 | 4;
  readonly isTeamAdmin: boolean;
  readonly isOfAccount: boolean;
};

/** The things that requests name. */
export type Things = {
  readonly user: bigint;
  readonly organization: bigint;
  readonly slug: string;
  readonly project: bigint;
  readonly team: bigint;
  readonly account: bigint;
  readonly number: string;
  readonly profile: bigint;
  readonly provider: bigint;
  readonly resource: bigint;
};

/** The names of the targets: of the actors' organization and account, of others, not there, and a user with more power than a superuser. */
export const targetNames = ["here", "foreign", "missing", "mighty"] as const;

/** One of them. */
export type TargetName = (typeof targetNames)[number];

/** The acting users by their names, and what requests name. */
export type World = { readonly actors: Readonly<Record<string, Actor>>; readonly targets: Readonly<Record<TargetName, Things>> };

const MISSING = 9_000_000_000_000n;

const thingsFor = async (client: Clients, user: bigint): Promise<Things> => {
  const { id: organization, slug = "" } = await createOrganization(client);
  const { id: project } = await createProject(client, organization);
  const { id: team } = await createTeam(client, organization);
  await client.organizations.addProjectTeam({ projectId: project, teamId: team });
  const account = await createAccount(client);
  const { id: profile } = await createProfile(client, user, account.id);
  const { provider } = await client.users.createAuthProvider({ provider: { organizationId: organization, provider: "saml2" } });
  const { results } = await client.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile, name: unique() }] });
  const resource = results[0]?.result.case === "resource" ? results[0].result.value.id : 0n;
  return {
    user,
    organization,
    slug,
    project,
    team,
    account: account.id,
    number: account.number,
    profile,
    provider: provider?.id ?? 0n,
    resource,
  };
};

/** Makes a world. Its users can sign in and can be read, but for those that are not present. */
export const createWorld = async (client: Clients, db: Pick<Database, "sql">): Promise<World> => {
  const { users, organizations } = client;
  const subject = await createUser(client);
  const here = await thingsFor(client, subject.id);
  const foreign = await thingsFor(client, (await createUser(client)).id);
  await organizations.addMember({ organizationId: here.organization, userId: (await createUser(client)).id, role: MemberRole.OWNER });

  const plain: Omit<Actor, "id"> = {
    isPresent: true,
    isSuperuser: false,
    isAdmin: false,
    isStaff: false,
    isSubject: false,
    role: 0,
    isTeamAdmin: false,
    isOfAccount: false,
  };
  const make = async (facts: Partial<Actor>, isSubject = false): Promise<Actor> => {
    const actor: Actor = { ...plain, ...facts, isSubject, id: isSubject ? subject.id : (await createUser(client)).id };
    const { id, isSuperuser, isStaff } = actor;
    if (isSuperuser || isStaff) await users.updateUser({ user: { id, ...(isSuperuser && { isSuperuser }), ...(isStaff && { isStaff }) } });
    if (actor.isAdmin) await users.grantPermission({ userId: id, permission: "users.admin" });
    if (actor.role > 0) await organizations.addMember({ organizationId: here.organization, userId: id, role: actor.role as MemberRole });
    const member = { case: "userId" as const, value: id };
    if (actor.isTeamAdmin) await organizations.addTeamMember({ teamId: here.team, member, role: TeamRole.ADMIN });
    if (actor.isOfAccount && !isSubject) await createProfile(client, id, here.account);
    return actor;
  };
  const absent = async (column: string) => {
    const actor = await make({ isPresent: false, role: 4, isOfAccount: true });
    const change = { is_active: sql`is_active = false`, is_suspended: sql`is_suspended = true` }[column];
    if (change === undefined) await users.deleteUser({ id: actor.id });
    else await sql`update users set ${change} where id = ${actor.id}`.execute(db.sql);
    return actor;
  };
  const powerful = await createUser(client, { isSuperuser: true });
  await users.grantPermission({ userId: powerful.id, permission: "a.power" });
  const actors = {
    subject: await make({ role: 1, isOfAccount: true }, true),
    stranger: await make({}),
    member: await make({ role: 1 }),
    orgAdmin: await make({ role: 2 }),
    manager: await make({ role: 3 }),
    owner: await make({ role: 4 }),
    teamAdmin: await make({ role: 1, isTeamAdmin: true }),
    peer: await make({ isOfAccount: true }),
    staff: await make({ isOfAccount: true, isStaff: true }),
    farStaff: await make({ isStaff: true }),
    administrator: await make({ isAdmin: true }),
    superuser: await make({ isSuperuser: true }),
    inactive: await absent("is_active"),
    suspended: await absent("is_suspended"),
    deleted: await absent("deleted"),
    unknown: { ...plain, id: MISSING + 1n, isPresent: false },
  };
  const missing: Things = {
    user: MISSING,
    organization: MISSING,
    slug: "no-such-slug",
    project: MISSING,
    team: MISSING,
    account: MISSING,
    number: "9999-9999-9999",
    profile: MISSING,
    provider: MISSING,
    resource: MISSING,
  };
  return { actors, targets: { here, foreign, missing, mighty: { ...here, user: powerful.id } } };
};

/** Makes every write of a database fail at its commit, after all checks, so that a world stays what it is. */
export const freeze = async (db: Pick<Database, "sql">): Promise<void> => {
  await sql`create function refuse_commit() returns trigger language plpgsql as
    $$ begin raise exception 'frozen' using errcode = '25006'; end $$`.execute(db.sql);
  const tables = await sql<{ name: string }>`
    select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname = any(current_schemas(false))`.execute(db.sql);
  for (const { name } of tables.rows)
    await sql`create constraint trigger frozen after insert or update or delete on ${sql.raw(name)}
      deferrable initially deferred for each row execute function refuse_commit()`.execute(db.sql);
};
