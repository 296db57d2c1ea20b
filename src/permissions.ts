/** The permissions that callers can have, besides those of mounted kinds. An RPC needs the one in its option `(userd.v1.permission)`. */
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
  "events.read",
  "events.write",
  "assistants.read",
  "assistants.write",
  "tokens.read",
  "tokens.write",
  "tokens.verify",
  "secrets.read",
  "secrets.write",
  "secrets.reveal",
] as const;

/** The name of a permission, which RPCs demand and token files give to callers. */
export type Permission = (typeof permissions)[number];
