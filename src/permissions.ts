/** The permissions that a caller can have, and what they open. The method option `(userd.v1.permission)` names one. */
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
] as const;

/** One permission of a caller. */
export type Permission = (typeof permissions)[number];

/** Narrows a string of a token file or of the proto to a permission. */
export const isPermission = (name: string): name is Permission => (permissions as readonly string[]).includes(name);
