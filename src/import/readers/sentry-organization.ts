import { filled, int, nullAs, optional, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { organizations, reference, status } from "./organization-staging.ts";

/** Active; pending deletion; being deleted; waiting for a relocation to be approved. */
const organizationStatus = status([0, null, null, 1]);

/** The flag by which members may join teams by themselves; it has a column here. */
const ALLOW_JOINLEAVE = 1n;

const flagColumns = (flags: bigint | undefined) =>
  flags === undefined ? {} : { flags: flags & ~ALLOW_JOINLEAVE, open_membership: (flags & ALLOW_JOINLEAVE) !== 0n };

const fields = {
  name: filled(64),
  slug: filled(50),
  status: optional(organizationStatus),
  flags: optional(int),
  date_added: optional(nullAs(undefined, time)),
};

/** The import reader of `sentry.organization` records, which hold organizations. */
export const sentryOrganization = defineReader({
  model: "sentry.organization",
  becomes: "an organization",
  into: organizations,
  fields,
  notHeld: {
    default_role: "userd gives no role by itself: whoever adds a member names it",
    is_test: "userd does not tell test organizations from others",
  },
  row: ({ date_added, flags, ...columns }) => ({ ...columns, ...flagColumns(flags), create_time: date_added }),
});

/** The import reader of `sentry.organizationmapping` records: replicas, each imported only if the organization itself is not in the file. */
export const sentryOrganizationMapping = defineReader({
  model: "sentry.organizationmapping",
  becomes: "the organization that it is a replica of, unless the file holds that too",
  into: organizations,
  standsFor: "organization_id",
  fields: {
    organization_id: reference,
    name: filled(64),
    slug: filled(50),
    status: optional(nullAs(undefined, organizationStatus)),
    date_created: optional(nullAs(undefined, time)),
  },
  row: ({ organization_id: _, date_created, ...columns }) => ({ ...columns, create_time: date_created }),
});
