import { kinds } from "../../src/schema/entities.ts";
import { http2Kinds } from "../support/clients.ts";
import { clientKinds, test } from "../support/service.ts";
import { casesOfKinds } from "./standard.cases.ts";

/** Each client has a fifth of the kinds, and each kind one or two of the clients: all of them by all would take CI an hour. */
const PARTS = 5;

for (const [index, clientKind] of [...clientKinds.slice(1), ...http2Kinds].entries()) {
  const some = kinds.filter((_, place) => place % PARTS === index % PARTS);
  casesOfKinds(test, clientKind, some);
}
