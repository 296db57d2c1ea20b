import { referenceNotFound, referredNotFound } from "../contract/kinds/errors.ts";
import type { Consistency } from "../gen/userd/v1/consistency_pb.ts";
import { countRows } from "./count.ts";
import { expanded, expansionOf } from "./expand.ts";
import { createListings, type FurtherCondition, placesOf, type Query } from "./listing.ts";
import { seerOf } from "./relation.ts";
import { severalField } from "./resource-fields.ts";
import { type Row, sentBytes, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";

type Request = Query & { readonly pageSize: number; readonly consistency?: Consistency; readonly count?: boolean };

/**
 * ListXs: reads one page of the resources that the acting user may read, in one statement. The parent is NOT_FOUND if it is missing, or if this
 * user may read nothing of it.
 */
export const listResources: StandardMethod<FurtherCondition> = ({ db, freshness, pager }, kind, method, further) => {
  const field = severalField(kind);
  const { parent, listedBy, sharedBy } = kind;
  const missing = () => (sharedBy === undefined ? referredNotFound(kind, parent, parent.name) : referenceNotFound(listedBy.name));
  const listingOf = createListings(kind, further);
  return async (call, request) => {
    const fields = fieldsOf<Request & Record<string, unknown>>(request);
    const seer = seerOf(call, kind);
    const expansion = expansionOf(call, kind, fields.expand);
    const { shown, page: read, all, keyOf } = listingOf(fields, expansion, seer !== undefined);
    const page = pager(call, method.input, request as never);
    await freshness.check(call, fields.consistency);
    const session = db.session(call);
    const places = placesOf(kind, fields, page, seer);
    const rows = await session.rows(read(places));
    if (rows.length === 0) throw missing();
    const found = rows.filter((row): row is Row => row.id !== null);
    const { rows: cut, nextPageToken } = page.cut(found, keyOf, sentBytes(shown));
    const count = fields.count === true && page.after === undefined ? await countRows(session, all, places) : {};
    const more = await expanded(db, call, expansion, cut, fields.asUserId);
    return answerOf({ [field]: cut.map((row) => toMessage(shown, row)), nextPageToken, ...count, ...more });
  };
};
