import { describe } from "vitest";
import { kinds } from "../../../src/schema/entities.ts";
import { http2Kinds } from "../../support/clients.ts";
import { clientKinds, test } from "../../support/service.ts";
import { lifeOf, liveThrough } from "../life.cases.ts";
import { callerOf, makerOf } from "../maker.ts";

const others = [...clientKinds.slice(1), ...http2Kinds];

for (const kind of kinds) {
  describe(lifeOf(kind), { concurrent: true }, () => {
    test("through every client and every way to speak to the HTTP port", async ({ clients }) => {
      const maker = await makerOf(clients["grpc-js"], kind);
      for (const clientKind of others) await liveThrough(maker, callerOf(clients[clientKind], kind).call);
    });
  });
}
