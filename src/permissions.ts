/** The names of the permissions that callers can have, besides those of mounted kinds. Each RPC needs the one that its method option `(userd.v1.permission)` names. */
export const permissions = [
  "users.read",
  "users.write",
  "users.admin",
  "credentials.use",
  "options.read",
  "options.write",
  "options.admin",
  "access.read",
  "access.write",
  "audit.read",
  "releases.read",
  "releases.write",
  "monitors.read",
  "monitors.write",
  "integrations.read",
  "integrations.write",
  "alerts.read",
  "alerts.write",
] as const;

/** The name of a permission, which RPCs demand and token files give to callers. */
export type Permission = (typeof permissions)[number];
