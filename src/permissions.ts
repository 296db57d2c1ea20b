/** The names of all permissions that callers can have. Each RPC needs the one that its method option `(userd.v1.permission)` names. */
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

/** Tells whether a text of a token file or of the proto is the name of a permission. */
export const isPermission = (name: string): name is Permission => (permissions as readonly string[]).includes(name);
