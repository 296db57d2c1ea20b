import { sql } from "kysely";
import { transact } from "../../db/in-transaction.ts";
import type { Database } from "../../db/orm.ts";
import { BACKGROUND } from "../../db/places.ts";
import { createSession, type Session } from "../../db/session.ts";
import type { ExportProgress } from "../../lifecycle/export/export-all.ts";
import { kindModels } from "./kinds.ts";
import { people } from "./people.ts";
import type { SentryContext, SentryModel, SentryRow } from "./sentry-model.ts";

/** The most rows that one statement reads. */
const BATCH = 2_000;

/** Reads the records of a model, some at a time, as lines of JSON. */
async function* readModel(session: Session, model: SentryModel, context: SentryContext): AsyncGenerator<readonly string[]> {
  let number = 0;
  for (let last = 0n, isFull = true; isFull; ) {
    const rows = await session.rows(sql<SentryRow & { readonly pk: bigint }>`
      select x.id as pk, ${model.columns} from ${sql.table(model.table)} x ${model.joins ?? sql``}
      where x.id > ${last} and ${model.where ?? sql`true`} order by x.id limit ${BATCH}`);
    yield rows.map((row) => {
      number += 1;
      return JSON.stringify({ model: model.model, pk: model.isNumbered ? number : Number(row.pk), fields: model.fields(row, context) });
    });
    last = rows.at(-1)?.pk ?? last;
    isFull = rows.length === BATCH;
  }
}

/**
 * Writes everything that Sentry has a model for in the format of its own exports, of one moment: a JSON array, a record a line. Returns the number of
 * records.
 */
export const exportForSentry = (
  db: Database,
  context: SentryContext,
  write: (text: string) => Promise<void>,
  onProgress: (progress: ExportProgress) => void,
): Promise<number> =>
  transact(db, BACKGROUND, async (transaction) => {
    const session = createSession(transaction, db.kinds);
    await session.rows(sql`set transaction isolation level repeatable read read only`);
    const models = [...people, ...kindModels].filter(({ isSecret }) => context.withSecrets || isSecret !== true);
    let records = 0;
    await write("[");
    for (const [index, model] of models.entries()) {
      for await (const lines of readModel(session, model, context)) {
        if (lines.length > 0) await write(`${records > 0 ? "," : ""}\n${lines.join(",\n")}`);
        records += lines.length;
      }
      onProgress({ rows: index + 1, total: models.length });
    }
    await write("\n]\n");
    return records;
  });
