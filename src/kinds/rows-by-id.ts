import { type RawBuilder, sql } from "kysely";
import type { Kind } from "../contract/kinds/kind.ts";
import { place } from "../db/compiled.ts";
import { PAGE_BYTES, withinPage } from "../db/page.ts";
import type { Session } from "../db/session.ts";
import { exhausted } from "../errors.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { oncePerKind } from "./once-per-kind.ts";
import { isRelated, isSeen, ruledBy, ruleOf, SEER } from "./relation.ts";
import { bytesOf, columnsOf, compiledFor, type Row } from "./row.ts";

/** The name of the parameter (`place`) for the id of a second user in SQL statements; no column has this name. */
const SECOND = "@second";

const read = (kind: Kind, condition: RawBuilder<boolean>) =>
  compiledFor(
    kind,
    withinPage(sql<Row & { readonly upto?: unknown }>`
      select q.*, ${bytesOf(kind)} as bytes from (
        select ${columnsOf(kind)} from unnest(${place("ids")}::bigint[]) with ordinality as w (id, position)
        join ${sql.table(kind.table)} r on r.id = w.id where ${condition} order by w.position
      ) q`),
  );

const readOf = oncePerKind((kind) => read(kind, sql`true`));
const readSeenOf = oncePerKind((kind) => read(kind, isSeen(kind)));
const readSeenByTwoOf = oncePerKind((kind) =>
  read(kind, sql`${isSeen(kind)} and ${isRelated(ruleOf(kind), place(SECOND), AccessRelation.READ, ruledBy(kind, "r"))}`),
);

/**
 * Checks that the rows of a query within `withinPage` are all that there are.
 * @throws RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE when they take `PAGE_BYTES` or more.
 */
export const requireRoom = (rows: readonly { readonly upto?: unknown }[]): void => {
  if (Number(rows.at(-1)?.upto ?? 0) < PAGE_BYTES) return;
  throw exhausted("RESPONSE_TOO_LARGE", `The resources take more than ${PAGE_BYTES} bytes: ask for fewer.`);
};

/**
 * Reads the resources with these ids, in the order of the ids, in one statement; ids of no resource have no row.
 * @param seers the ids of two users at most: only what each of them may read is returned.
 * @throws RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE when the resources take `PAGE_BYTES` or more.
 */
export const rowsById = async (session: Session, kind: Kind, ids: readonly bigint[], seers: readonly bigint[]): Promise<readonly Row[]> => {
  const [seer, second] = seers;
  const statement = (seer === undefined ? readOf : second === undefined ? readSeenOf : readSeenByTwoOf)(kind);
  const rows = await session.rows(statement({ ids: ids.map(String), [SEER]: seer, [SECOND]: second }));
  requireRoom(rows);
  return rows;
};
