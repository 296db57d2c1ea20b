/**
 * The folders of `src/` from the ground up. A folder imports from its own floor and from those under it. Files that stand in
 * `src/` itself are on no floor.
 */
export const floors: readonly (readonly string[])[] = [
  ["gen"],
  ["client", "contract", "filter", "names", "passwords", "secrets", "versions"],
  ["schema"],
  ["db"],
  ["cache", "stored-names"],
  ["access"],
  ["users", "telemetry"],
  ["options", "roles", "resources", "changes"],
  ["organizations", "profiles", "kinds", "json"],
  ["acting", "credentials", "identities", "authenticators", "server"],
  ["emails", "lifecycle"],
  ["sign-in"],
  ["import", "services"],
  ["cli"],
];

/** The imports that run up all the same: each is a knot that waits for its reader. */
export const upwards: readonly string[] = [
  "access/access.lookup.ts > users/present.ts",
  "users/dependencies.ts > roles/role.lookup.ts",
  "users/full-user.ts > roles/role.lookup.ts",
  "users/import-users.ts > organizations/invitations.ts",
  "users/powers.ts > roles/permission-sources.ts",
  "users/privileges.ts > roles/permission-sources.ts",
  "users/store-users.ts > organizations/invitations.ts",
  "users/user.lookup.ts > roles/role.lookup.ts",
];
