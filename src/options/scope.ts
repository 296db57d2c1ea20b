import { DomainError } from "../errors.ts";

/** The scope of an option, as the columns scope_kind and scope_id. The global scope has the id 0, since unique keys treat nulls as different. */
export type Scope = { readonly kind: ScopeKind; readonly id: bigint };

/** The values of the column `scope_kind`, in the order in which options are listed. */
export const ScopeKind = { GLOBAL: 0, ORGANIZATION: 1, PROJECT: 2 } as const;

/** One value of the column `scope_kind`. */
export type ScopeKind = (typeof ScopeKind)[keyof typeof ScopeKind];

/** The two fields by which every request and every option names its scope. */
export type ScopeFields = { readonly projectId: bigint; readonly organizationId: bigint };

const GLOBAL_SCOPE: Scope = { kind: ScopeKind.GLOBAL, id: 0n };

/** Returns the scope that two fields of a request name: the global one if both are 0. The proto's rules refuse requests with both set. */
export const scopeOf = ({ projectId, organizationId }: ScopeFields): Scope => {
  if (projectId !== 0n) return { kind: ScopeKind.PROJECT, id: projectId };
  return organizationId === 0n ? GLOBAL_SCOPE : { kind: ScopeKind.ORGANIZATION, id: organizationId };
};

/** Makes the two fields of a message that name a scope from the two columns of a row. */
export const scopeFields = (kind: number, id: bigint): ScopeFields => ({
  projectId: kind === ScopeKind.PROJECT ? id : 0n,
  organizationId: kind === ScopeKind.ORGANIZATION ? id : 0n,
});

/** Makes the error INVALID_ARGUMENT OPTION_SCOPE_CONFLICT, for a request that names a scope where none is allowed. */
export const scopeConflict = (description: string): DomainError =>
  new DomainError("Invalid", "OPTION_SCOPE_CONFLICT", description, {
    violations: ["project_id", "organization_id"].map((field) => ({ field, description })),
  });
