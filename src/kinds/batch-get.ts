import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { expanded, expansionOf, withReferences } from "./expand.ts";
import { maskedKind } from "./read-mask.ts";
import { seersOf } from "./relation.ts";
import { severalField } from "./resource-fields.ts";
import { toMessage } from "./row.ts";
import { rowsById } from "./rows-by-id.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";

type Request = {
  readonly ids: readonly bigint[];
  readonly consistency?: Consistency;
  readonly readMask?: FieldMask;
  readonly expand?: readonly string[];
};

/**
 * BatchGetX: returns those of the requested resources that exist and that the acting user may read, in the order of the requested ids. Refuses
 * an answer of `PAGE_BYTES` or more.
 */
export const batchGetResources: StandardMethod = ({ db, freshness }, kind) => {
  const field = severalField(kind);
  return async (call, request) => {
    const { ids, consistency, readMask, expand } = fieldsOf<Request>(request);
    const shown = maskedKind(kind, readMask);
    const expansion = expansionOf(call, kind, expand);
    await freshness.check(call, consistency);
    const rows = await rowsById(db.session(call), withReferences(shown, expansion), ids, seersOf(call, kind));
    return answerOf({ [field]: rows.map((row) => toMessage(shown, row)), ...(await expanded(db, call, expansion, rows)) });
  };
};
