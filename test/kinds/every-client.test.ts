import { kinds } from "../../src/schema/entities.ts";
import { http2Kinds } from "../support/clients.ts";
import { clientKinds, test } from "../support/service.ts";
import { casesOfKinds } from "./standard.cases.ts";

/** Each kind has one of the clients: all of them by all would take CI half an hour. */
const others = [...clientKinds.slice(1), ...http2Kinds];

for (const [index, clientKind] of others.entries()) {
  const some = kinds.filter((_, place) => place % others.length === index);
  casesOfKinds(test, clientKind, some);
}
