import { sql } from "kysely";
import { ScopeKind } from "../../options/scope.ts";
import { sqlIsStandIn } from "../keys.ts";
import { readers } from "../readers/index.ts";
import { organizations } from "../readers/organization-staging.ts";
import { projects } from "../readers/sentry-project.ts";
import { knownUserModels, users } from "../readers/user-staging.ts";
import { isGiven, type StagingTable, skips } from "../staging.ts";
import { type ImportTx, isForeign } from "../transaction.ts";
import { conflicts } from "./conflict-table.ts";
import { skip } from "./skip.ts";

/** The names, as SQL strings, of all known models that hold no users. Any other model can be the user model of a Django project. */
export const otherModels = readers.filter((reader) => reader.into !== users).map((reader) => `'${reader.model}'`);

const known = knownUserModels.map((model) => `'${model}'`).join(", ");

/** Returns the names of the models whose records become rows of a staging table, as SQL strings separated by commas. */
export const modelsOf = (staging: StagingTable) =>
  readers
    .filter((reader) => reader.into === staging)
    .map((reader) => `'${reader.model}'`)
    .join(", ");

/** Tells whether any record of a staging table has another id than in the file. */
const hasMoved = async (tx: ImportTx, to: StagingTable): Promise<boolean> =>
  isGiven(tx, to) && (await tx.row(sql`select from ${sql.table(to.name)} where id is distinct from pk limit 1`)) !== undefined;

/**
 * Replaces the pks in a column that refers to records of the staging table `to` with the ids of these records in the database. Keeps pks of
 * records that are not in the file, and skips rows that refer to a skipped record.
 * @param which the SQL condition for the rows `t` whose column refers to `to`.
 */
export const resolveReference = async (tx: ImportTx, staging: StagingTable, column: string, to: StagingTable, which = "true") => {
  if (!isGiven(tx, staging)) return;
  const noun = to.name.replace("import_", "");
  const gone = `select pk from import_skip where model in (${modelsOf(to)}) and pk is not null
    union select pk from import_conflict where kind = '${noun}'`;
  if (isGiven(tx, skips) || isGiven(tx, conflicts)) {
    await skip(
      tx,
      staging,
      `its ${noun} was skipped`,
      `${which} and t.${column} in (${gone}) and not exists (select from ${to.name} p where p.pk = t.${column})`,
    );
  }
  if (await hasMoved(tx, to)) {
    await tx.rows(
      sql.raw(
        `update ${staging.name} t set ${column} = p.id from ${to.name} p where p.pk = t.${column} and t.${column} is distinct from p.id and ${which}`,
      ),
    );
  }
  // An id could be one that is here; what stands for a key is none. Only new ids have such keys (stage.ts).
  if (tx.ids === "new") await skip(tx, staging, `its ${noun} is not in the file`, `${which} and ${sqlIsStandIn(`t.${column}`)}`);
};

/**
 * Replaces the ids of organizations and projects that staged options have from the file with the ids in the database. Skips options whose
 * organization or project was skipped.
 */
export const resolveScopes = async (tx: ImportTx, staging: StagingTable): Promise<void> => {
  await resolveReference(tx, staging, "scope_id", organizations, `t.scope_kind = ${ScopeKind.ORGANIZATION}`);
  await resolveReference(tx, staging, "scope_id", projects, `t.scope_kind = ${ScopeKind.PROJECT}`);
};

/**
 * Replaces the ids of organizations that staged rows have from the file with the ids in the database. Skips rows whose organization is neither
 * in the file nor in the database.
 */
export const resolveOrganizations = async (tx: ImportTx, staging: StagingTable): Promise<void> => {
  if (!isGiven(tx, staging)) return;
  await resolveReference(tx, staging, "organization_id", organizations);
  await skip(
    tx,
    staging,
    "its organization is neither in the file nor here",
    `not exists (select from organization o where o.id = t.organization_id) and not exists (select from import_organization o where o.id = t.organization_id)`,
  );
};

/**
 * Sets `user_id` of rows that name a user by pk or natural key: to the id of a user of the file, else of a user in the database. Skips rows
 * whose user is not found or was skipped. A row that names no user keeps null.
 */
export const resolveUsers = async (tx: ImportTx, staging: StagingTable): Promise<void> => {
  if (!isGiven(tx, staging)) return;
  const find = (from: string, where: string) =>
    tx.rows(sql.raw(`update ${staging.name} t set user_id = u.id from ${from} u where t.user_id is null and ${where}`));
  const isMissing = "t.user_id is null and (t.user_pk is not null or t.user_name is not null)";
  /** The users of the file by a name; of those that share it the one that kept it. */
  const named = (column: string) =>
    `(select distinct on (${column}) ${column}, id from import_user order by ${column}, (username_canonical <> natural_canonical), pk)`;

  if (await hasMoved(tx, users)) {
    await tx.rows(sql.raw(`update ${staging.name} t set user_id = u.id from import_user u where u.pk = t.user_pk and u.id <> t.user_pk`));
  }
  const isElsewhere = "t.user_pk is not null and not exists (select from import_user f where f.pk = t.user_pk)";
  // Most files end here: what follows would look through all rows, each time for none.
  if ((await tx.row(sql.raw(`select from ${staging.name} t where t.user_name is not null or ${isElsewhere} limit 1`))) === undefined)
    return;
  await tx.rows(sql.raw(`update ${staging.name} t set user_id = null where ${isElsewhere}`));
  await find(named("natural_name"), "u.natural_name = t.user_name");
  await find(named("natural_canonical"), "u.natural_canonical = t.user_canonical");
  // A model of a project's own may have the address for its natural key, also where it has usernames.
  await find(
    `(select email_canonical, min(id) as id from import_user where email_canonical <> '' and model not in (${known}) group by email_canonical having count(*) = 1)`,
    "u.email_canonical = t.user_canonical",
  );
  await skip(
    tx,
    staging,
    "its user was skipped",
    `t.user_id is null and (
      t.user_pk in (select pk from import_skip where model not in (${otherModels.join(", ")}) and pk is not null)
      or t.user_canonical in (
        select c.canonical from import_conflict c where c.kind = 'user' and not exists (select from import_user i where i.record = c.record)))`,
  );
  await find("users", "u.id = t.user_pk");
  await find("users", "u.username_canonical = t.user_canonical");
  await skip(tx, staging, "its user is neither in the file nor here", isMissing);
};

/**
 * Skips rows of users who are not in the file, if the file is foreign (`isForeign`): a foreign file must not give users in the database power or
 * a way to sign in.
 */
export const skipUsersHere = async (tx: ImportTx, staging: StagingTable): Promise<void> => {
  if (!isForeign(tx)) return;
  await skip(
    tx,
    staging,
    "its user is not in the file: an account here gets no power and no way in from it",
    "t.user_id is not null and not exists (select from import_user u where u.id = t.user_id)",
  );
};

/** Skips rows of users whom `--on-conflict=merge` joined with a user in the database. `which` is a further SQL condition on staged rows `t`. */
export const skipOfJoined = async (tx: ImportTx, staging: StagingTable, reason: string, which = "true"): Promise<void> => {
  if (tx.onConflict !== "merge") return;
  await skip(tx, staging, reason, `exists (select from import_user u where u.id = t.user_id and u.is_joined) and ${which}`);
};
