import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import type { BatchSetOptionResult } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { createUser, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";
import { json } from "./json.ts";

/** What became of an entry: the value that is stored, or why it was refused. */
const outcomeOf = ({ result }: BatchSetOptionResult) => {
  if (result.case === "option") return json(result.value.value);
  if (result.case !== "error") return undefined;
  const detail = (name: string) => result.value.details.find(({ typeUrl }) => typeUrl.endsWith(`/${name}`))?.value ?? new Uint8Array();
  return {
    code: result.value.code,
    reason: fromBinary(ErrorInfoSchema, detail("google.rpc.ErrorInfo")).reason,
    fields: fromBinary(BadRequestSchema, detail("google.rpc.BadRequest")).fieldViolations.map(({ field }) => field),
  };
};

describe.for(clientKinds)("BatchSetOptions, through %s", (kind) => {
  test("an entry that is refused leaves the others alone, and says why as SetOption does", async ({ clients }) => {
    const { options } = clients[kind];
    const [a, b] = await Promise.all([createUser(clients[kind]), createUser(clients[kind])]);
    const { results, consistencyToken } = await options.batchSetOptions({
      entries: [
        { userId: a.id, key: "theme", value: value("dark") },
        { userId: 9_000_000_000_000n, key: "theme", value: value("dark") },
        { userId: b.id, key: "theme", value: value("chartreuse") },
        { userId: b.id, key: "theme", value: value("dark"), projectId: 1n },
        { userId: b.id, key: "big", value: value("x".repeat(70_000)) },
        { userId: b.id, key: "mail:email", value: value("nobody@example.com"), projectId: 1n },
        { userId: b.id, key: "free", value: value({ a: 1 }) },
      ],
    });
    expect(results.map(outcomeOf)).toEqual([
      "dark",
      { code: 5, reason: "USER_NOT_FOUND", fields: [] },
      { code: 3, reason: "OPTION_VALUE_INVALID", fields: ["entries[2].value"] },
      { code: 3, reason: "OPTION_SCOPE_NOT_ALLOWED", fields: ["entries[3].value"] },
      { code: 3, reason: "OPTION_VALUE_TOO_LARGE", fields: ["entries[4].value"] },
      { code: 3, reason: "OPTION_VALUE_INVALID", fields: ["value"] },
      { a: 1 },
    ]);
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
    expect(json((await options.getOption({ userId: a.id, key: "theme", consistency })).value)).toBe("dark");
    expect((await options.listOptions({ userId: b.id, allScopes: true })).options.map(({ key }) => key)).toEqual(["free"]);
  });
});

describe("BatchSetOptions", () => {
  test("O20 of many users is read at once, with its token too", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const users = await Promise.all(Array.from({ length: 40 }, () => createUser(clients["grpc-js"])));
    const userIds = users.map(({ id }) => id);
    const entries = userIds.flatMap((userId) => ["a", "b"].map((key) => ({ userId, key, value: value(`${key}-${userId}`) })));
    const { consistencyToken, results } = await options.batchSetOptions({ entries });
    expect(results.map(outcomeOf)).toEqual(entries.map(({ key, userId }) => `${key}-${userId}`));
    expect(consistencyToken.length).toBeLessThan(1024);
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
    const read = await options.batchGetOptions({ userIds, keys: ["b"], consistency });
    expect(read.results.map((result) => json(result.options[0]?.value))).toEqual(userIds.map((id) => `b-${id}`));
    const resolved = await options.resolveOptions({ userIds, keys: ["a"], consistency });
    expect(resolved.results.map((result) => json(result.options[0]?.value))).toEqual(userIds.map((id) => `a-${id}`));
  });

  test("one option twice is refused as a whole, and so is a bad shape", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const entry = { userId, key: "k", value: value(1) };
    const { fields } = await expectRefusal(
      options.batchSetOptions({ entries: [entry, { ...entry, projectId: 1n }, { ...entry, value: value(2) }] }),
      "InvalidArgument",
      "DUPLICATE_ENTRY",
    );
    expect(fields).toEqual(["entries[2]"]);
    const both = options.batchSetOptions({ entries: [{ ...entry, projectId: 1n, organizationId: 1n }] });
    await expectRefusal(both, "InvalidArgument", "OPTION_SCOPE_CONFLICT");
    await expectRefusal(options.batchSetOptions({ entries: [] }), "InvalidArgument", "FIELD_INVALID");
    const many = Array.from({ length: 1_001 }, (_, index) => ({ ...entry, key: `k${index}` }));
    await expectRefusal(options.batchSetOptions({ entries: many }), "InvalidArgument", "FIELD_INVALID");
    expect((await options.listOptions({ userId })).options).toEqual([]);
  });

  test("O16 a request_id makes one batch of two, of many users too", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const users = await Promise.all(Array.from({ length: 20 }, () => createUser(clients["grpc-js"])));
    const request = { entries: users.map(({ id }) => ({ userId: id, key: "k", value: value(1) })), requestId: crypto.randomUUID() };
    const first = await options.batchSetOptions(request);
    const again = await options.batchSetOptions(request);
    expect(again.results).toEqual(first.results);
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: again.consistencyToken } };
    await options.getOption({ userId: users[0]?.id ?? 0n, key: "k", consistency });
    const other = { ...request, entries: request.entries.slice(1) };
    await expectRefusal(options.batchSetOptions(other), "InvalidArgument", "REQUEST_ID_REUSED");
  });

  test("a batch in which nothing can be stored is an answer", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const { results, consistencyToken } = await options.batchSetOptions({ entries: [{ userId, key: "theme", value: value(1) }] });
    expect(results.map(outcomeOf)).toMatchObject([{ reason: "OPTION_VALUE_INVALID" }]);
    await options.getOption({ userId, key: "k", consistency: { mode: { case: "atLeastAsFresh", value: consistencyToken } } });
  });

  test("batches of the same users in any order never deadlock", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const users = await Promise.all(Array.from({ length: 10 }, () => createUser(clients["grpc-js"])));
    const batches = Array.from({ length: 30 }, (_, index) => {
      const order = index % 2 === 0 ? users : users.toReversed();
      return options.batchSetOptions({ entries: order.map(({ id }) => ({ userId: id, key: "k", value: value(index) })) });
    });
    for (const { results } of await Promise.all(batches)) expect(results.map(({ result }) => result.case)).not.toContain("error");
  });
});
