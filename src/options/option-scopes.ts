import { type RawBuilder, type SqlBool, sql } from "kysely";
import { type DomainError, notFound } from "../errors.ts";
import { type Scope, ScopeKind } from "./scope.ts";

/** The setting SCOPE_CHECK: options can be in any organization or project (`trust`), or only in those that userd stores (`registered`). */
export type ScopeCheck = "trust" | "registered";

/** A function that makes an SQL condition on the two columns of a scope. */
type Test = (kind: RawBuilder<unknown>, id: RawBuilder<unknown>) => RawBuilder<SqlBool>;

/** The SQL by which a statement that writes options leaves out the scopes in which none can be written. */
type OpenScopes = {
  /** The SQL that goes before the statement's own part of WITH. */
  readonly before: RawBuilder<unknown>;
  /** The condition that options can be written in the scope of these two columns. */
  readonly isOpen: Test;
};

/** The SQL that decides in which scopes options can be read and written, for one value of SCOPE_CHECK. Every statement on options uses it. */
export type OptionScopes = {
  /** The condition that options can be read in the scope that these two columns name. */
  readonly isLive: Test;
  /** The part of `isLive` that depends on the scope alone, for reads through the cache, whose entries are of one scope each. */
  readonly isLiveItself: Test;
  /** The organization whose scope has to be live too; null = none. */
  readonly parentOf: (kind: RawBuilder<unknown>, id: RawBuilder<unknown>) => RawBuilder<bigint | null>;
  /** The condition `isLive` for the scope of the option, or the scope option, in the alias `o`. */
  readonly live: RawBuilder<SqlBool>;
  /** Tells whether options can be only in organizations and projects that userd stores. */
  readonly areRegistered: boolean;
  /** Makes the SQL for a statement that writes options in these scopes. A scope that it finds open stays open until the commit. */
  readonly openFor: (scopes: readonly Scope[]) => OpenScopes;
};

/** Makes the error NOT_FOUND OPTION_SCOPE_NOT_FOUND, for a scope whose project or organization does not exist or is deleted. */
export const scopeNotFound = (): DomainError =>
  notFound("OPTION_SCOPE_NOT_FOUND", "There is no such project or organization, or it is deleted.");

/** The condition that a scope's options are not being removed (docs/adr/0010-purged-scopes.md). */
const notPurged: Test = (kind, id) =>
  sql`(${kind} = ${sql.lit(ScopeKind.GLOBAL)} or not exists (select from purged_scope d where d.scope_kind = ${kind} and d.scope_id = ${id}))`;

const trusting: Omit<OptionScopes, "live"> = {
  isLive: notPurged,
  isLiveItself: notPurged,
  parentOf: () => sql`null::bigint`,
  areRegistered: false,
  openFor: () => ({ before: sql``, isOpen: notPurged }),
};

const openOrganizations = sql.raw("select g.id from organization g where g.delete_time is null");
const openProjects = sql.raw(
  "select p.id from project p join organization g on g.id = p.organization_id where p.delete_time is null and g.delete_time is null",
);

const idsOf = (scopes: readonly Scope[], kind: ScopeKind): string[] => [
  ...new Set(scopes.filter((scope) => scope.kind === kind).map(({ id }) => String(id))),
];

const inEither = (
  kind: RawBuilder<unknown>,
  isOpenOrganization: RawBuilder<SqlBool>,
  isOpenProject: RawBuilder<SqlBool>,
): RawBuilder<SqlBool> => sql`(
  ${kind} = ${sql.lit(ScopeKind.GLOBAL)}
  or (${kind} = ${sql.lit(ScopeKind.ORGANIZATION)} and ${isOpenOrganization})
  or (${kind} = ${sql.lit(ScopeKind.PROJECT)} and ${isOpenProject}))`;

/** The condition that a statement has found a scope open, in the parts that `openFor` put before it. */
const isOpenIn: Test = (kind, id) =>
  inEither(kind, sql`${id} in (select id from open_organization)`, sql`${id} in (select id from open_project)`);

const registered: Omit<OptionScopes, "live"> = {
  isLive: (kind, id) => inEither(kind, sql`exists (${openOrganizations} and g.id = ${id})`, sql`exists (${openProjects} and p.id = ${id})`),
  isLiveItself: (kind, id) =>
    inEither(
      kind,
      sql`exists (${openOrganizations} and g.id = ${id})`,
      sql`exists (select from project p where p.delete_time is null and p.id = ${id})`,
    ),
  parentOf: (kind, id) => sql`(select p.organization_id from project p where p.id = ${id} and ${kind} = ${sql.lit(ScopeKind.PROJECT)})`,
  areRegistered: true,
  // Locked, so that a deletion waits for the write, or the write for the deletion.
  openFor: (scopes) => ({
    before: sql`open_organization as materialized (
        ${openOrganizations} and g.id = any(${idsOf(scopes, ScopeKind.ORGANIZATION)}::bigint[]) for share
      ), open_project as materialized (
        ${openProjects} and p.id = any(${idsOf(scopes, ScopeKind.PROJECT)}::bigint[]) for share
      ),`,
    isOpen: isOpenIn,
  }),
};

/** Makes the SQL that decides in which scopes options can be read and written, for one value of the setting SCOPE_CHECK. */
export const createOptionScopes = (check: ScopeCheck): OptionScopes => {
  const scopes = check === "registered" ? registered : trusting;
  return { ...scopes, live: scopes.isLive(sql.raw("o.scope_kind"), sql.raw("o.scope_id")) };
};
