import { type RawBuilder, sql } from "kysely";
import { type Kind, OWNER_PROFILE_ID, PROFILE } from "../../contract/kinds/kind.ts";
import type { Session } from "../../db/session.ts";
import { ownedKinds } from "../../kinds/owned.ts";
import { largeBelow, recordsBelow } from "../../kinds/records.ts";
import { referringRows } from "../../kinds/remove.ts";
import { type Scope, ScopeKind } from "../../options/scope.ts";
import type { KindSet } from "../../schema/kind-set.ts";
import { ofOrganization } from "../of-organization.ts";
import { type ownedTables, rowsGoingWith } from "../owned-tables.ts";
import { areFew } from "../remove-scopes.ts";
import { isHistoryIn, lostScope } from "../scope-history.ts";
import type { RowCount } from "./counts.ts";
import type { Erased } from "./receipts.ts";

/** What an erasure does with the rows `x` of a table that meet a condition. */
type Meant = { readonly table: string; readonly isMeant: RawBuilder<unknown>; readonly isCleared?: boolean };

/** Something other than a user that is erased. */
export type ErasedScope = Erased & { readonly kind: Exclude<Erased["kind"], "user"> };

/** The rows of a kind that an organization shares: what it shares with nobody goes. */
const sharedRows = ({ name, table, sharedBy = "" }: Kind, id: bigint): readonly Meant[] => {
  const shares = (isIt: RawBuilder<unknown>) =>
    sql`exists (select from ${sql.table(sharedBy)} s where ${sql.ref(`s.${name}_id`)} = x.id and s.organization_id ${isIt})`;
  const [mine, others] = [shares(sql`= ${id}`), shares(sql`<> ${id}`)];
  return [
    { table, isMeant: sql`${mine} and not ${others}` },
    { table, isMeant: sql`${mine} and ${others}`, isCleared: true },
  ];
};

const kindsOfOrganization = ({ kinds }: KindSet, id: bigint): readonly Meant[] =>
  kinds
    .filter(({ belongsTo }) => belongsTo?.to !== PROFILE)
    .flatMap((kind) => [
      ...(kind.sharedBy === undefined ? [{ table: kind.table, isMeant: ofOrganization(kind, id) }] : sharedRows(kind, id)),
      ...kind.links.map(({ table }) => ({ table, isMeant: sql`x.organization_id = ${id}` })),
    ]);

/** The rows of kinds that go with something, or no longer refer to it. */
const kindsOf = (kinds: KindSet, { kind, id }: ErasedScope): readonly Meant[] => {
  if (kind === "organization") return kindsOfOrganization(kinds, id);
  if (kind === "account")
    return ownedKinds(kinds).map(({ table }) => ({
      table,
      isMeant: sql`${sql.ref(`x.${OWNER_PROFILE_ID}`)} in (select id from user_profile where account_id = ${id})`,
    }));
  const large = largeBelow(kinds, kind).map((one) => ({
    table: one.table,
    isMeant: sql`x.id in (${recordsBelow(one, { name: kind, ids: [id] })})`,
  }));
  return [...referringRows(kinds, kind, (column) => sql`${sql.ref(column)} = ${id}`), ...large];
};

/** The conditions on the options in the scopes of something: one for each kind of scope, so that each has its range of an index. */
const inScopes = (
  { kind, id }: ErasedScope,
  [scopeKind, scopeId]: readonly [RawBuilder<unknown>, RawBuilder<unknown>],
): readonly RawBuilder<unknown>[] => {
  const ofKind = (scope: number) => sql`${scopeKind} = ${sql.lit(scope)} and ${scopeKind} > 0 and ${scopeId}`;
  if (kind === "project") return [sql`${ofKind(ScopeKind.PROJECT)} = ${id}`];
  return [
    sql`${ofKind(ScopeKind.ORGANIZATION)} = ${id}`,
    sql`${ofKind(ScopeKind.PROJECT)} in (select id from project where organization_id = ${id})`,
  ];
};

/** The options in the scopes of something, and the revisions of those that are or were there. */
const optionsOf = (erased: ErasedScope): readonly Meant[] =>
  inScopes(erased, [sql`scope_kind`, sql`scope_id`]).flatMap((isMeant) => [
    { table: "user_option", isMeant },
    { table: "scope_option", isMeant },
    { table: "option_revision", isMeant: isHistoryIn(isMeant) },
  ]);

/** The options in the scopes of something that have lost in merges. */
const lostOptionsOf = (erased: ErasedScope): readonly Meant[] =>
  inScopes(erased, lostScope).map((inScope) => ({ table: "merge_discard", isMeant: sql`table_name = 'user_option' and ${inScope}` }));

const scopesOf = async (session: Session, { kind, id }: ErasedScope): Promise<readonly Scope[]> => {
  if (kind === "project") return [{ kind: ScopeKind.PROJECT, id }];
  if (kind !== "organization") return [];
  const projects = await session.rows(sql<{ id: bigint }>`select id from project where organization_id = ${id}`);
  return [{ kind: ScopeKind.ORGANIZATION, id }, ...projects.map((project) => ({ kind: ScopeKind.PROJECT, id: project.id }))];
};

/** The tables of options, which a purge removes later where they are many. */
export const LATER = [
  "option_revision",
  "scope_option",
  "user_option",
] satisfies readonly (typeof ownedTables)["scope"]["tables"][number]["table"][];

/** Makes the statement part that counts the rows of one table, each once. Of several conditions each has its index. */
const counted = (table: string, meant: readonly Meant[]): RawBuilder<RowCount> => {
  const rowsOf = (some: readonly Meant[]) =>
    sql.join(
      some.map(({ isMeant }) => sql`select x.ctid from ${sql.table(table)} x where ${isMeant}`),
      sql` union `,
    );
  const [removed, cleared] = [meant.filter(({ isCleared }) => !isCleared), meant.filter(({ isCleared }) => isCleared)];
  const numberOf = (rows: RawBuilder<unknown>) => sql`(select count(*)::int from (${rows}) r)`;
  // A row that goes is not one that is cleared, too.
  const onlyCleared = removed.length === 0 ? rowsOf(cleared) : sql`(${rowsOf(cleared)}) except (${rowsOf(removed)})`;
  return sql<RowCount>`
    select ${table}::text as "table", ${removed.length === 0 ? sql`0` : numberOf(rowsOf(removed))} as removed,
      ${cleared.length === 0 ? sql`0` : numberOf(onlyCleared)} as cleared`;
};

/** The rows that an erasure removes or clears, by table and in their order, and the tables of which so many go that they are removed later. */
export type Counted = { readonly counts: readonly RowCount[]; readonly later: readonly string[] };

const count = (session: Session, meant: readonly Meant[]): Promise<RowCount[]> => {
  const parts = [...Map.groupBy(meant, ({ table }) => table)].map(([table, some]) => counted(table, some));
  return session.rows(sql<RowCount>`
    select * from (${sql.join(parts, sql` union all `)}) c where removed + cleared > 0 order by "table" collate "C"`);
};

const besidesOptions = ({ kinds }: Session, erased: ErasedScope): readonly Meant[] => [
  ...rowsGoingWith(erased.kind, sql`${erased.id}::bigint`),
  ...kindsOf(kinds, erased),
];

/** Counts what goes with an organization, a project, a team or an account, but for options in its scopes: a purge counts these as it removes them. */
export const countBesidesOptions = (session: Session, erased: ErasedScope): Promise<readonly RowCount[]> =>
  count(session, besidesOptions(session, erased));

/** Counts what goes with an organization, a project, a team or an account. */
export const countScope = async (session: Session, erased: ErasedScope): Promise<Counted> => {
  const scopes = await scopesOf(session, erased);
  const later = scopes.length > 0 && !(await areFew(session, scopes)) ? LATER : [];
  const counts = await count(session, [
    ...besidesOptions(session, erased),
    ...(scopes.length > 0 && later.length === 0 ? optionsOf(erased) : []),
    ...(scopes.length > 0 ? lostOptionsOf(erased) : []),
  ]);
  return { counts, later };
};
