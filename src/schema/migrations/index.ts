import { Initial } from "./20261120000000-initial.ts";
import { Users } from "./20261120100000-users.ts";
import { Lists } from "./20261120110000-lists.ts";
import { Options } from "./20261120120000-options.ts";
import { Identities } from "./20261120130000-identities.ts";
import { Organizations } from "./20261120140000-organizations.ts";
import { Profiles } from "./20261120150000-profiles.ts";
import { HashedNames } from "./20261120160000-hashed-names.ts";
import { ExternalIds } from "./20261120160500-external-ids.ts";
import { ImportOrigins } from "./20261120170000-import-origins.ts";
import { Sizes } from "./20261120200000-sizes.ts";
import { People } from "./20261120220000-people.ts";
import { ImportOriginsById } from "./20261128125000-import-origins-by-id.ts";
import { BulkTriggers } from "./20261128133000-bulk-triggers.ts";

/** All migrations, oldest first. Listed, not found by a glob: the list is the same in the sources and in the build. */
export const migrations = [
  { name: "20261120000000-initial", class: Initial },
  { name: "20261120100000-users", class: Users },
  { name: "20261120110000-lists", class: Lists },
  { name: "20261120120000-options", class: Options },
  { name: "20261120130000-identities", class: Identities },
  { name: "20261120140000-organizations", class: Organizations },
  { name: "20261120150000-profiles", class: Profiles },
  { name: "20261120160000-hashed-names", class: HashedNames },
  { name: "20261120160500-external-ids", class: ExternalIds },
  { name: "20261120170000-import-origins", class: ImportOrigins },
  { name: "20261120200000-sizes", class: Sizes },
  { name: "20261120220000-people", class: People },
  { name: "20261128125000-import-origins-by-id", class: ImportOriginsById },
  { name: "20261128133000-bulk-triggers", class: BulkTriggers },
];
