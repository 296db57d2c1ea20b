import { describe } from "vitest";
import { kinds } from "../../src/schema/entities.ts";
import { http2Kinds } from "../support/clients.ts";
import { clientKinds, test } from "../support/service.ts";
import { lifeOf, liveThrough } from "./life.cases.ts";
import { callerOf, makerOf } from "./maker.ts";
import { casesOfKinds } from "./standard.cases.ts";

const others = [...clientKinds.slice(1), ...http2Kinds];

// All cases of each kind through one of the clients, in turn: what depends on the client does not depend on the kind, or is in the life below.
for (const [index, clientKind] of others.entries()) {
  const some = kinds.filter((_, place) => place % others.length === index);
  casesOfKinds(test, clientKind, some);
}

// Each kind through each client.
for (const kind of kinds) {
  describe(lifeOf(kind), { concurrent: true }, () => {
    test("through every client", async ({ clients }) => {
      const maker = await makerOf(clients["grpc-js"], kind);
      for (const clientKind of others) await liveThrough(maker, callerOf(clients[clientKind], kind).call);
    });
  });
}
