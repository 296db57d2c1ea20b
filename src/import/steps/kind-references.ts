import { sql } from "kysely";
import type { Referent } from "../../contract/kinds/kind.ts";
import { type ImportedKind, importedKinds, type Referring, referenceColumns } from "../kinds/staging.ts";
import { organizations } from "../readers/organization-staging.ts";
import { actors } from "../readers/sentry-actor.ts";
import { projects } from "../readers/sentry-project.ts";
import { teams } from "../readers/sentry-team.ts";
import { users } from "../readers/user-staging.ts";
import { addGiven, isGiven, notes, type StagingTable } from "../staging.ts";
import { type ImportTx, isForeign } from "../transaction.ts";
import { modelsOf, otherModels } from "./references.ts";
import { run } from "./rows.ts";
import { skip } from "./skip.ts";

const staged = new Map<string, StagingTable>([
  ["organization", organizations],
  ["project", projects],
  ["team", teams],
  ["user", users],
  ...importedKinds.map(({ kind, staging }) => [kind.name, staging] as const),
]);

/** The label of something that a row refers to. */
const labelOf = ({ name }: Referent): string => name.replaceAll("_", " ");

/** The condition that a key is that of a record of `to` that was skipped: what has the id here may be another one. */
const isSkipped = (to: Referent, pk: string): string => {
  const of = staged.get(to.name);
  const models = of === undefined ? "" : modelsOf(of);
  const isOfModel = of === users ? `x.model not in (${otherModels.join(", ")})` : models === "" ? "false" : `x.model in (${models})`;
  return `(exists (select from import_skip x where x.pk = ${pk} and ${isOfModel})
    or exists (select from import_conflict x where x.pk = ${pk} and x.kind = '${to.name}'))`;
};

/** A staging table with a column that refers to something. */
type Place = {
  readonly staging: StagingTable;
  readonly name: string;
  readonly to: Referent;
  readonly isNamed: boolean;
  readonly hasActor: boolean;
};

/** Returns the staging table, the column and the target of a reference of a kind. */
export const placeOf = ({ staging }: ImportedKind, { name, reference }: Referring): Place => {
  const { name: named, actor } = referenceColumns({ name });
  return { staging, name, to: reference.to, isNamed: named in staging.columns, hasActor: actor in staging.columns };
};

/** Takes owners from the actors of the file. One that is not in the file is noted with the user, and has no owner. */
const resolveActors = async (tx: ImportTx, { staging, name, to }: Place): Promise<void> => {
  const { pk, actor } = referenceColumns({ name });
  await run(tx, `update ${staging.name} t set ${pk} = a.${to.name}_id_pk from ${actors.name} a where a.pk = t.${actor}`);
  if (to.name !== "user") return;
  const reason = "its owner is an actor that is not in the file: it has none here";
  addGiven(
    tx,
    notes,
    await tx.affected(
      sql.raw(`insert into import_note (model, record, pk, reason) select model, record, pk, '${reason}' from ${staging.name} t
        where t.${actor} is not null and not exists (select from ${actors.name} a where a.pk = t.${actor})`),
    ),
  );
};

/**
 * Fills a reference column with ids: of records in the file, else of rows in the database, else null. If the file is foreign (`isForeign`),
 * users are looked up only in the file.
 */
export const findReferred = async (tx: ImportTx, place: Place): Promise<void> => {
  const { staging, name, to, isNamed, hasActor } = place;
  const { pk, name: named } = referenceColumns({ name });
  if (hasActor) await resolveActors(tx, place);
  const find = (from: string, where: string) =>
    run(tx, `update ${staging.name} t set ${name} = p.id from ${from} p where t.${name} is null and ${where}`);
  const of = staged.get(to.name);
  if (of !== undefined && isGiven(tx, of)) {
    await find(of.name, `p.pk = t.${pk}`);
    if (isNamed)
      await find(
        `(select distinct on (natural_canonical) natural_canonical, id from import_user order by natural_canonical, pk)`,
        `p.natural_canonical = t.${named}`,
      );
  }
  if (to.name === "user" && isForeign(tx)) return;
  await find(to.table, `p.id = t.${pk} and not ${isSkipped(to, `t.${pk}`)}`);
  if (isNamed)
    await find(
      "users",
      `p.username_canonical = t.${named} and not exists (
      select from import_conflict c where c.kind = 'user' and c.canonical = t.${named})`,
    );
};

/** Skips rows that refer to a skipped record, or to something that is neither in the file nor in the database. */
export const skipUnreferred = async (tx: ImportTx, { staging, name, to }: Place): Promise<void> => {
  const { pk } = referenceColumns({ name });
  const label = labelOf(to);
  await skip(tx, staging, `its ${label} was skipped`, `t.${name} is null and ${isSkipped(to, `t.${pk}`)}`);
  await skip(tx, staging, `its ${label} is neither in the file nor here`, `t.${name} is null`);
};

/** Returns the condition that what a row refers to is stored, and in the row's organization. */
const isThere = ({ name, to }: Place): string => {
  const shared = `and exists (select from ${to.sharedBy} l where l.${to.name}_id = r.id and l.organization_id = t.organization_id)`;
  const owned = to.belongsTo === undefined ? "" : `and r.${to.belongsTo.column} = t.organization_id`;
  return `exists (select from ${to.table} r where r.id = t.${name} ${to.sharedBy === undefined ? owned : shared})`;
};

/** Skips rows that refer to something that is not stored or that belongs to another organization. */
export const skipUnrelated = (tx: ImportTx, place: Place) =>
  skip(tx, place.staging, `its ${labelOf(place.to)} was skipped, or is of another organization`, `not ${isThere(place)}`);

/** Clears references to something that is not stored or that belongs to another organization, and adds a note for each row. */
export const clearUnrelated = async (tx: ImportTx, place: Place): Promise<void> => {
  const { staging, name, to, isNamed } = place;
  const { pk, name: named } = referenceColumns({ name });
  const isGivenOne = `(t.${pk} is not null${isNamed ? ` or t.${named} is not null` : ""})`;
  const reason = `its ${labelOf(to)} (${name}) was skipped, is neither in the file nor here, or is of another organization: it has none here`;
  const cleared = await tx.affected(
    sql.raw(`with cleared as (
      update ${staging.name} t set ${name} = null where ${isGivenOne} and not coalesce(${isThere(place)}, false) returning model, record, pk
    )
    insert into import_note (model, record, pk, reason) select model, record, pk, '${reason}' from cleared`),
  );
  addGiven(tx, notes, cleared);
};
