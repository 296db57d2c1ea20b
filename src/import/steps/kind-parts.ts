import { type ImportedKind, type ImportedPart, importedKinds } from "../kinds/staging.ts";
import { actors } from "../readers/sentry-actor.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { run } from "./rows.ts";
import { skip } from "./skip.ts";

/** The list of texts in SQL. */
const textArray = (texts: readonly string[]): string => `'{${texts.join(",")}}'::text[]`;

const takePart = async (tx: ImportTx, { staging }: ImportedKind, { key, staging: part }: ImportedPart): Promise<void> => {
  if (!isGiven(tx, part)) return;
  const names = Object.keys(part.columns);
  // What the record says by itself stands.
  const taken = names.map((name) => `${name} = case when '${name}' = any(t.absent) then p.${name} else t.${name} end`);
  await run(
    tx,
    `update ${staging.name} t set ${taken.join(", ")},
        absent = array(select one from unnest(t.absent) one where one <> all(${textArray(names)}) or one = any(p.absent))
      from ${part.name} p where p.pk = t.${key}`,
  );
  await skip(tx, part, "nothing in the file takes its fields", `not exists (select from ${staging.name} s where s.${key} = t.pk)`);
  await run(tx, `update ${part.name} set outcome = 'unchanged'`);
};

/** Copies fields from the records of parts, such as the size in a `sentry.file`, to the staged resources that refer to these records. */
export const takeParts = async (tx: ImportTx, one: ImportedKind): Promise<void> => {
  for (const part of one.parts) await takePart(tx, one, part);
};

/** Skips Sentry actors that own no record of the file, and marks the others as unchanged. */
export const settleActors = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, actors)) return;
  const owned = importedKinds.flatMap(({ staging }) =>
    Object.keys(staging.columns)
      .filter((name) => name.endsWith("_actor_pk") && isGiven(tx, staging))
      .map((name) => `exists (select from ${staging.name} s where s.${name} = t.pk)`),
  );
  await skip(tx, actors, "nothing in the file that is held has it for an owner", `not (${["false", ...owned].join(" or ")})`);
  await run(tx, `update ${actors.name} set outcome = 'unchanged'`);
};
