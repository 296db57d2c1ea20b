import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { PAGE_BYTES, withinPage } from "../db/page.ts";
import { exhausted } from "../errors.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { maskedKind } from "./read-mask.ts";
import { isSeen } from "./relation.ts";
import { bytesOf, columnsOf, composed, type Row, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod, severalField } from "./standard-method.ts";

type Request = { readonly ids: readonly bigint[]; readonly consistency?: Consistency; readonly readMask?: FieldMask };

/**
 * BatchGetX: reads the resources that exist and that the acting user may read, in the order of the ids, by one statement. Refuses an
 * answer of `PAGE_BYTES` or more.
 */
export const batchGetResources: StandardMethod = ({ db, freshness }, kind) => {
  const field = severalField(kind);
  return async (call, request) => {
    const { ids, consistency, readMask } = fieldsOf<Request>(request);
    const shown = maskedKind(kind, readMask);
    await freshness.check(call, consistency);
    const query = withinPage(sql<Row & { readonly upto?: unknown }>`
        select q.*, ${bytesOf(shown)} as bytes from (
          select ${columnsOf(shown)} from unnest(${ids.map(String)}::bigint[]) with ordinality as w (id, position)
          join ${sql.table(kind.table)} r on r.id = w.id where ${isSeen(call, kind)} order by w.position
        ) q`);
    const rows = await db.session(call).rows(shown === kind ? query : composed(query));
    if (Number(rows.at(-1)?.upto ?? 0) >= PAGE_BYTES) {
      throw exhausted("RESPONSE_TOO_LARGE", `The resources take more than ${PAGE_BYTES} bytes: ask for fewer.`);
    }
    return answerOf({ [field]: rows.map((row) => toMessage(shown, row)) });
  };
};
