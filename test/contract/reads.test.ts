import { describe, expect } from "vitest";
import { isRead, readsOf } from "../../src/contract/reads.ts";
import { ConsistencySchema } from "../../src/gen/userd/v1/consistency_pb.ts";
import { Reads } from "../../src/gen/userd/v1/options_pb.ts";
import { statementsOf } from "../options/statements.ts";
import { expectRefusal } from "../support/errors.ts";
import { methods } from "./methods.ts";
import { callRpc, requestOf, test } from "./world.ts";

const reads = methods.filter(isRead);
const having = (field: string) => reads.filter(({ input }) => input.fields.some(({ name }) => name === field));

describe("where a read has its answers from", () => {
  test.for(reads)("$name asks the database as often as it declares", async (method, { world: { own, reads: requests } }) => {
    const request = requestOf(requests, method, "readsOf");
    const call = () => callRpc(own, method, request);
    const [first, again] = [await statementsOf(call), await statementsOf(call)];
    const asked = [first.length > 0, again.length > 0];
    if (readsOf(method) === Reads.CACHE) {
      // What another test has asked for may be cached already.
      expect(again, "option (reads) says that the cache answers, and a second call asks the database").toEqual([]);
      const consistency = { mode: { case: "fullyConsistent", value: true } };
      expect(await statementsOf(() => callRpc(own, method, { ...request, consistency }))).not.toEqual([]);
    } else {
      const says = `option (reads) is not true: it says whether each call asks the database, as ${method.name} does or does not`;
      expect(asked, says).toEqual(readsOf(method) === Reads.MEMORY ? [false, false] : [true, true]);
    }
  });

  test("what asks the memory of the service alone has nothing to be fresh about, and everything else can be told", () => {
    const fresh = reads.filter(({ input }) => input.fields.some(({ message }) => message === ConsistencySchema));
    const without = reads.filter((method) => !fresh.includes(method)).map(({ name }) => name);
    expect(without, "give the request of a read a field `Consistency consistency`").toEqual([
      "ListOptionDefinitions",
      "GetOptionDefinition",
      "ListInvalidOptions",
      "WatchChanges",
    ]);
    expect(fresh.filter((method) => readsOf(method) === Reads.MEMORY)).toEqual([]);
  });
});

describe("reasons that a field of the request brings along", () => {
  test.for(having("consistency"))("$name refuses what is no consistency token", async (method, { world: { own, reads: requests } }) => {
    const consistency = { mode: { case: "atLeastAsFresh", value: "none" } };
    await expectRefusal(
      callRpc(own, method, { ...requestOf(requests, method, "readsOf"), consistency }),
      "InvalidArgument",
      "TOKEN_INVALID",
    );
  });

  test.for(having("page_token"))("$name refuses what is no page token", async (method, { world: { own, reads: requests } }) => {
    const call = callRpc(own, method, { ...requestOf(requests, method, "readsOf"), pageToken: "none" });
    await expectRefusal(call, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });
});
