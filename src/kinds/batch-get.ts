import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import type { Kind } from "../contract/kinds/kind.ts";
import { place } from "../db/compiled.ts";
import { PAGE_BYTES, withinPage } from "../db/page.ts";
import { exhausted } from "../errors.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { oncePerKind } from "./once-per-kind.ts";
import { maskedKind } from "./read-mask.ts";
import { isSeen, SEER, seerOf } from "./relation.ts";
import { bytesOf, columnsOf, compiledFor, type Row, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod, severalField } from "./standard-method.ts";

type Request = { readonly ids: readonly bigint[]; readonly consistency?: Consistency; readonly readMask?: FieldMask };

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

/**
 * BatchGetX: returns those of the requested resources that exist and that the acting user may read, in the order of the requested ids. Refuses
 * an answer of `PAGE_BYTES` or more.
 */
export const batchGetResources: StandardMethod = ({ db, freshness }, kind) => {
  const field = severalField(kind);
  return async (call, request) => {
    const { ids, consistency, readMask } = fieldsOf<Request>(request);
    const shown = maskedKind(kind, readMask);
    await freshness.check(call, consistency);
    const seer = seerOf(call, kind);
    const statement = (seer === undefined ? readOf : readSeenOf)(shown);
    const rows = await db.session(call).rows(statement({ ids: ids.map(String), [SEER]: seer }));
    if (Number(rows.at(-1)?.upto ?? 0) >= PAGE_BYTES) {
      throw exhausted("RESPONSE_TOO_LARGE", `The resources take more than ${PAGE_BYTES} bytes: ask for fewer.`);
    }
    return answerOf({ [field]: rows.map((row) => toMessage(shown, row)) });
  };
};
