import { inspect, isDeepStrictEqual } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect } from "vitest";
import type { UserOption } from "../../src/gen/userd/v1/user_option_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createUser, unique, value } from "../support/build.ts";
import { test } from "../support/service.ts";
import { anyJson, name } from "./any-json.ts";
import { json } from "./json.ts";

/** The canonical form as docs/values.md says it: `-0` is 0; members have no order, and come back sorted by length, then bytes. */
const canonical = (drawn: JsonValue): JsonValue => {
  if (Array.isArray(drawn)) return drawn.map(canonical);
  if (typeof drawn === "number") return drawn === 0 ? 0 : drawn;
  if (typeof drawn !== "object" || drawn === null) return drawn;
  return Object.fromEntries(Object.entries(drawn).map(([member, inner]) => [member, canonical(inner)]));
};

/** The order of the members of every object, by depth first; what JavaScript takes for an index comes first in any case. */
const orders = (drawn: JsonValue): string[][] => {
  if (Array.isArray(drawn)) return drawn.flatMap(orders);
  if (typeof drawn !== "object" || drawn === null) return [];
  const names = Object.keys(drawn).filter((member) => !/^(0|[1-9]\d*)$/.test(member));
  return [names, ...Object.values(drawn).flatMap(orders)];
};

const byLengthThenBytes = (a: string, b: string): number => {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length - y.length || Buffer.compare(x, y);
};

/** Vitest's own equality looks at `constructor`, which is a member like any other here. */
const expectSame = (got: unknown, wanted: unknown): void => {
  expect(isDeepStrictEqual(got, wanted), `${inspect(got)} should be ${inspect(wanted)}`).toBe(true);
};

describe("values", () => {
  test("any JSON comes back in canonical form, and setting that changes nothing", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await fc.assert(
      fc.asyncProperty(anyJson, async (drawn) => {
        const key = "k";
        await options.setOption({ userId, key, value: value(drawn) });
        const got = json((await options.getOption({ userId, key })).value) as JsonValue;
        expectSame(got, canonical(drawn));
        for (const order of orders(got)) expect(order).toEqual(order.toSorted(byLengthThenBytes));
        expect(await options.setOption({ userId, key, value: value(got) })).toMatchObject({ changed: false });
        expect(await options.setOption({ userId, key, value: value(canonical(drawn)) })).toMatchObject({ changed: false });
      }),
      { numRuns: 150 },
    );
  });

  test("any raw JSON that the HTTP port takes means what JSON.parse makes of it", async ({ clients, service }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const set = async (raw: string) => {
      const response = await fetch(`http://${formatAddress(service.httpAddress)}/userd.v1.UserOptionService/SetOption`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"userId":"${userId}","key":"raw","value":${raw}}`,
      });
      return { status: response.status, body: await response.text() };
    };
    const members = fc.uniqueArray(fc.tuple(name, anyJson), { minLength: 1, maxLength: 5, selector: ([member]) => member });
    await fc.assert(
      fc.asyncProperty(members, async (drawn) => {
        const raw = `{ ${drawn.map(([member, inner]) => `${JSON.stringify(member)} :\t${JSON.stringify(inner)}`).join(" ,\n")} }`;
        const { status, body } = await set(raw);
        expect(status, body).toBe(200);
        const got = json((await options.getOption({ userId, key: "raw" })).value);
        expectSame(got, canonical(JSON.parse(raw)));
      }),
      { numRuns: 100 },
    );
    for (const [raw, stored] of [
      ["-0", 0],
      ["-0.0e5", 0],
      ["1E2", 100],
      ["9007199254740992", 9007199254740992],
      ["1.2345678901234567e+29", 1.2345678901234568e29],
      ['"\\ud83d\\ude00"', "😀"],
      ['{"__proto__":{"a":1}}', JSON.parse('{"__proto__":{"a":1}}')],
    ] as const) {
      expect(await set(raw), raw).toMatchObject({ status: 200 });
      expectSame(json((await options.getOption({ userId, key: "raw" })).value), stored);
    }
    // A name that stands twice is refused: which of the two is meant?
    for (const raw of [
      '{"a":1,"a":2}',
      '[{"":1,"":1}]',
      '"\\ud800"',
      '"\\udc00x"',
      '{"\\ud800":1}',
      '"\\u0000"',
      '{"\\u0000":1}',
      // They would come back as other numbers.
      "9007199254740993",
      "123456789012345678901234567890",
      "1e-400",
      "1e400",
      "NaN",
      "Infinity",
      "{a:1}",
      "01",
      "",
    ]) {
      const { status, body } = await set(raw);
      expect([status, JSON.parse(body).code], raw).toEqual([400, "invalid_argument"]);
    }
  });
});

type Command =
  | { readonly set: string; readonly scope: number; readonly to: JsonValue }
  | { readonly remove: string; readonly scope: number };

describe("change sets", () => {
  const scopes = [
    { projectId: 0n, organizationId: 0n },
    { projectId: 1n, organizationId: 0n },
    { projectId: 2n, organizationId: 0n },
    { projectId: 0n, organizationId: 1n },
  ];
  const isOf = (scope: (typeof scopes)[number], one: UserOption) =>
    scope.projectId === one.projectId && scope.organizationId === one.organizationId;
  const option = fc.record({ key: fc.constantFrom("a", "b", "__proto__", "constructor"), scope: fc.nat(scopes.length - 1) });
  const command: fc.Arbitrary<Command> = fc.oneof(
    fc.tuple(option, anyJson).map(([{ key, scope }, to]) => ({ set: key, scope, to })),
    option.map(({ key, scope }) => ({ remove: key, scope })),
  );
  const keyOf = (change: Command) => ("set" in change ? change.set : change.remove);

  test("any change sets do to the service what they do to a map", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(command, { minLength: 1, maxLength: 6 }), { maxLength: 8 }), async (sets) => {
        const { id: userId } = await createUser(clients["grpc-js"], { email: `${unique()}@example.com` });
        const model = new Map<string, JsonValue>();
        for (const commands of sets) {
          const names = commands.map((change) => `${change.scope}/${keyOf(change)}`);
          const isValid =
            new Set(names).size === names.length && commands.every((change, index) => "set" in change || model.has(names[index] ?? ""));
          const changes = commands.map((change) => ({
            change:
              "set" in change
                ? { case: "set" as const, value: { key: change.set, value: value(change.to), ...scopes[change.scope] } }
                : { case: "delete" as const, value: { key: change.remove, ...scopes[change.scope] } },
          }));
          const outcome = await options.applyOptionChanges({ userId, changes }).then(
            () => true,
            () => false,
          );
          expect(outcome).toBe(isValid);
          if (!isValid) continue;
          for (const [index, change] of commands.entries()) {
            if ("set" in change) model.set(names[index] ?? "", canonical(change.to));
            else model.delete(names[index] ?? "");
          }
        }
        const { options: stored } = await options.listOptions({ userId, allScopes: true });
        const listed = stored.map((one) => [`${scopes.findIndex((scope) => isOf(scope, one))}/${one.key}`, json(one.value)]);
        expectSame(new Map(listed as [string, JsonValue][]), model);
      }),
      { numRuns: 40 },
    );
  });
});
