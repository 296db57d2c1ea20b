import { kinds } from "../../src/schema/entities.ts";
import { http2Kinds } from "../support/clients.ts";
import { clientKinds, test } from "../support/service.ts";
import { casesOfKinds } from "./standard.cases.ts";

/** Each client has a third of the kinds, and each kind three of the clients: all of them by all would take CI a quarter of an hour. */
const THIRDS = 3;

for (const [index, clientKind] of [...clientKinds.slice(1), ...http2Kinds].entries()) {
  const some = kinds.filter((_, place) => place % THIRDS === index % THIRDS);
  casesOfKinds(test, clientKind, some);
}
