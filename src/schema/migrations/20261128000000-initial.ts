import { Migration } from "@mikro-orm/migrations";
import { movedAccounts } from "./initial/accounts.ts";
import { changes, tracking } from "./initial/changes.ts";
import { identities } from "./initial/identities.ts";
import { kinds } from "./initial/kinds.ts";
import { membersMoveUsers } from "./initial/members.ts";
import { options, revisions } from "./initial/options.ts";
import { organizations } from "./initial/organizations.ts";
import { ownedKinds } from "./initial/owned-kinds.ts";
import { profiles } from "./initial/profiles.ts";
import { search, trigramIndexes } from "./initial/search.ts";
import { trackedTables } from "./initial/tracked.ts";
import { users } from "./initial/users.ts";

/** The order of statements: tables, then what keeps versions and the change log, then what a change of a row does besides. */
const statements = [
  ...[...changes, ...users, ...identities, ...options, ...organizations, ...profiles, ...kinds, ...ownedKinds],
  ...[...tracking, ...trackedTables],
  ...[...search, trigramIndexes, ...revisions, ...membersMoveUsers, ...movedAccounts],
];

/** The migration that creates the schema in an empty database. */
export class Initial extends Migration {
  override name = "20261128000000-initial";

  override up(): void {
    for (const statement of statements) this.addSql(statement);
  }
}
