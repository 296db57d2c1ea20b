import { sql } from "kysely";
import { OWNER_PROFILE_ID } from "../../../src/contract/kinds/kind.ts";
import type { Database } from "../../../src/db/orm.ts";
import { lifeOf, type MergeRule } from "../../../src/lifecycle/tables.ts";
import { isOwned, makerOf } from "../../kinds/maker.ts";
import { createAccount, createOrganization, createProfile, createTeam, createUser, unique } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";

/** A table whose rows can collide in a merge, and what makes a row of it. */
export type Cell = { readonly table: string; readonly column: string; readonly rule: MergeRule & { readonly as: "rows" } };

/** How the rows of the target stand beside those of the source. */
export const standings = ["none", "equal", "older", "newer"] as const;

/** Whether the target has no such row, an equal one, or another one, which was written before or after the source's. */
export type Standing = (typeof standings)[number];

/** Values of columns that make a row of a user a valid one, and different from another one. */
const values: Readonly<Record<string, () => Record<string, unknown>>> = {
  user_ip: () => ({ ip: "192.0.2.7" }),
  user_email: () => {
    const email = `${unique("both-")}@example.com`;
    return { email, email_canonical: email };
  },
  user_option: () => ({ scope_kind: 0, scope_id: 0, key: unique("k"), value: { a: [1, null] } }),
  user_permission: () => ({ permission: "a.b" }),
  authenticator: () => ({ type: 1, config: `\\x${Buffer.from(unique()).toString("hex")}` }),
};

/** Another value for the first column that makes a conflict, by the type of what is there. */
const another = (value: unknown): unknown => {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value === "string") return value.startsWith("\\x") ? `${value}00` : `${value.slice(0, 20)}${unique()}`;
  return { other: unique() };
};

/** Stores a row as JSON has it; returns its id. */
const insert = async (db: Database, table: string, row: object): Promise<bigint> => {
  const { rows } = await sql<{ stored: boolean }>`select restore_row(${table}::regclass, ${JSON.stringify(row)}::jsonb) as stored`.execute(
    db.sql,
  );
  if (rows[0]?.stored !== true) throw new Error(`A row of ${table} is not stored: ${JSON.stringify(row)}`);
  const owner = "user_id" in row ? "user_id" : OWNER_PROFILE_ID;
  const { rows: last } = await sql<{ id: bigint }>`
    select max(id) as id from ${sql.table(table)} where ${sql.ref(owner)} = ${(row as Record<string, number>)[owner]}`.execute(db.sql);
  return last[0]?.id ?? 0n;
};

/** Two users with a row of each table; `profiles` are in one account. */
export type Two = {
  readonly from: bigint;
  readonly to: bigint;
  readonly fromProfile: bigint;
  readonly toProfile: bigint;
  readonly organizationId: bigint;
};

/** Makes two users who share an account and an organization, in which both are in one team. */
export const createTwo = async (clients: Clients): Promise<Two> => {
  const [from, to] = [await createUser(clients), await createUser(clients)];
  const account = await createAccount(clients);
  const organization = await createOrganization(clients);
  const [fromProfile, toProfile] = [await createProfile(clients, from.id, account.id), await createProfile(clients, to.id, account.id)];
  return { from: from.id, to: to.id, fromProfile: fromProfile.id, toProfile: toProfile.id, organizationId: organization.id };
};

/** The cells of all tables whose declaration says that rows can collide. */
export const cellsOf = (clients: Clients, names: readonly string[]): readonly Cell[] =>
  [...names, ...clients.kinds.filter(isOwned).map(({ table }) => table)].flatMap((table): Cell[] => {
    const rule = lifeOf(clients.kinds, table)?.merge;
    if (rule?.as !== "rows") return [];
    const isOfProfile = table === "resource" || clients.kinds.some((kind) => kind.table === table);
    return [{ table, column: isOfProfile ? OWNER_PROFILE_ID : "user_id", rule }];
  });

/** Gives the source a row of the table; returns its id. */
const makeRow = async (db: Database, clients: Clients, { table }: Cell, two: Two): Promise<bigint> => {
  const kind = clients.kinds.find((one) => one.table === table);
  if (kind !== undefined) return (await (await makerOf(clients, kind, two.fromProfile)).create()).id;
  const known = values[table];
  if (known !== undefined) return insert(db, table, { user_id: Number(two.from), ...known() });
  if (table === "resource") {
    const { results } = await clients.profiles.registerResources({
      resources: [{ kind: "page", ownerProfileId: two.fromProfile, name: "a" }],
    });
    return results[0]?.result.case === "resource" ? results[0].result.value.id : 0n;
  }
  if (table === "organization_member") {
    const { member } = await clients.organizations.addMember({ organizationId: two.organizationId, userId: two.from, role: 4 });
    const team = await createTeam(clients, two.organizationId);
    await clients.organizations.addTeamMember({ teamId: team.id, member: { case: "userId", value: two.from } });
    return member?.id ?? 0n;
  }
  if (table === "role_member") {
    const name = unique("role-");
    await clients.users.createRole({ role: { name } });
    await clients.users.assignRole({ userId: two.from, roleName: name });
  } else if (table === "identity") {
    const { provider } = await clients.users.createIdentityProvider({ provider: { type: unique() } });
    await clients.users.linkIdentity({ userId: two.from, providerId: provider?.id ?? 0n, externalId: unique() });
  } else if (table === "auth_identity") {
    const { provider } = await clients.users.createAuthProvider({ provider: { organizationId: two.organizationId, provider: "saml2" } });
    await clients.users.linkAuthIdentity({ userId: two.from, providerId: provider?.id ?? 0n, externalId: unique() });
  } else throw new Error(`say here how a row of ${table} is made`);
  const { rows } = await sql<{ id: bigint }>`select id from ${sql.table(table)} where user_id = ${two.from}`.execute(db.sql);
  return rows[0]?.id ?? 0n;
};

/** The rows of a cell: the source's, and the target's beside it, if any. */
export type Rows = { readonly source: bigint; readonly target: bigint | undefined };

/** Gives the source a row, and the target one that stands beside it as is said. */
export const furnish = async (db: Database, clients: Clients, cell: Cell, two: Two, standing: Standing): Promise<Rows> => {
  const { table, column, rule } = cell;
  const source = await makeRow(db, clients, cell, two);
  if (standing === "none") return { source, target: undefined };
  const { rows } = await sql<{ row: Record<string, unknown> }>`
    select to_jsonb(x) - 'id' as row from ${sql.table(table)} x where id = ${source}`.execute(db.sql);
  const copy = { ...rows[0]?.row, [column]: Number(column === "user_id" ? two.to : two.toProfile) } as Record<string, unknown>;
  const [differing = ""] = rule.values;
  if (standing !== "equal") {
    copy[differing] = another(copy[differing]);
    if (rule.newest !== undefined) copy[rule.newest] = standing === "newer" ? "2100-01-01T00:00:00Z" : "2000-01-01T00:00:00Z";
  }
  return { source, target: await insert(db, table, copy) };
};
