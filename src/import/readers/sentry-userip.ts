import { isIP } from "node:net";
import { Unfit } from "../fault.ts";
import { type Field, nullAs, nullable, optional, text, time, userReference } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT, userReferenceColumns } from "../staging.ts";

/** The staging table of the IP addresses of users in an import file. */
export const ips = {
  name: "import_ip",
  table: "user_ip",
  isLeaf: true,
  columns: {
    ...userReferenceColumns,
    ip: TEXT,
    country_code: TEXT,
    region_code: TEXT,
    first_seen: "timestamptz(3)",
    last_seen: "timestamptz(3)",
  },
  derived: { user_id: "bigint" },
} as const satisfies StagingTable;

const ipAddress: Field<string> = (value) => {
  const address = text(100)(value);
  if (isIP(address) === 0 || address.includes("%")) throw new Unfit("is not an IP address");
  return address;
};

const fields = {
  user: userReference,
  ip_address: ipAddress,
  country_code: optional(nullable(text(16))),
  region_code: optional(nullable(text(16))),
  first_seen: optional(nullAs(undefined, time)),
  last_seen: optional(nullAs(undefined, time)),
};

/** The import reader of `sentry.userip` records, which hold the IP addresses from which users were active. */
export const sentryUserIp = defineReader({
  model: "sentry.userip",
  becomes: "an address that a user came from",
  into: ips,
  fields,
  row: ({ user, ip_address, ...columns }) => ({ ...user, ...columns, ip: ip_address }),
});
