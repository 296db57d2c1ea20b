import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import type { BatchSetOptionResult } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { createUser, uniqueId, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base } from "../support/service.ts";
import { json } from "./json.ts";
import { type ServiceWith, serviceWith } from "./service-with.ts";

const test = base.extend("limited", { scope: "file" }, async ({ databaseUrl, service }, { onCleanup }): Promise<ServiceWith> => {
  expect(service).toBeDefined();
  const limited = await serviceWith(databaseUrl, { QUOTA_OPTIONS_PER_USER: "5", QUOTA_OPTION_BYTES_PER_USER: "1000" });
  onCleanup(() => limited[Symbol.asyncDispose]());
  return limited;
});

const reasonOf = ({ result }: BatchSetOptionResult): string => {
  if (result.case !== "error") return "stored";
  const info = result.value.details.find(({ typeUrl }) => typeUrl.endsWith("/google.rpc.ErrorInfo"));
  return fromBinary(ErrorInfoSchema, info?.value ?? new Uint8Array()).reason;
};
/** A value of so many bytes. */
const sized = (bytes: number) => value("x".repeat(bytes - 2));
const set = (key: string, bytes: number) => ({ change: { case: "set" as const, value: { key, value: sized(bytes) } } });
const remove = (key: string) => ({ change: { case: "delete" as const, value: { key } } });

describe("quotas of the options of a user", () => {
  test("the sixth option of five is refused, over all scopes; the error says which quota, and not to retry", async ({ limited }) => {
    const { id: userId } = await createUser(limited);
    for (const index of [1, 2, 3, 4, 5]) await limited.options.setOption({ userId, key: "k", value: value(1), projectId: BigInt(index) });
    const { error, info } = await expectRefusal(
      limited.options.setOption({ userId, key: "k", value: value(1) }),
      "ResourceExhausted",
      "QUOTA_EXCEEDED",
    );
    expect(info?.metadata).toEqual({ quota: "QUOTA_OPTIONS_PER_USER", limit: "5", used: "5" });
    expect(error.rawMessage).toBe("There are 5 options already; the quota QUOTA_OPTIONS_PER_USER is 5.");
    expect(error.findDetails(RetryInfoSchema)).toEqual([]);
    // What is there can be overwritten, and what is deleted makes room.
    await limited.options.setOption({ userId, key: "k", value: value(2), projectId: 1n });
    await limited.options.deleteOption({ userId, key: "k", projectId: 1n });
    expect((await limited.options.setOption({ userId, key: "k", value: value(1) })).created).toBe(true);
  });

  test("bytes are counted over all values; a smaller value is always taken", async ({ limited, clients }) => {
    const { id: userId } = await createUser(limited);
    await limited.options.setOption({ userId, key: "a", value: sized(600) });
    await limited.options.setOption({ userId, key: "b", value: sized(400), projectId: 7n });
    const { info } = await expectRefusal(
      limited.options.setOption({ userId, key: "c", value: value(1) }),
      "ResourceExhausted",
      "QUOTA_EXCEEDED",
    );
    expect(info?.metadata).toEqual({ quota: "QUOTA_OPTION_BYTES_PER_USER", limit: "1000", used: "1000" });
    await expectRefusal(limited.options.setOption({ userId, key: "a", value: sized(601) }), "ResourceExhausted", "QUOTA_EXCEEDED");
    expect((await limited.options.setOption({ userId, key: "a", value: value("y".repeat(598)) })).changed).toBe(true);
    // Who has more than the quota, by an import or an earlier setting, can make it less.
    await clients["grpc-js"].options.setOption({ userId, key: "d", value: sized(5_000) });
    expect((await limited.options.setOption({ userId, key: "d", value: sized(4_000) })).changed).toBe(true);
    await limited.options.deleteOption({ userId, key: "d" });
  });

  test("what a change set makes larger and what it adds are counted together, and once", async ({ limited }) => {
    const { options } = limited;
    const { id: userId } = await createUser(limited);
    await options.setOption({ userId, key: "a", value: sized(400) });
    await options.applyOptionChanges({ userId, changes: [set("a", 700), set("b", 300)] });
    await options.applyOptionChanges({ userId, changes: [set("c", 100), set("a", 600)] });
    await expectRefusal(
      options.applyOptionChanges({ userId, changes: [set("d", 100), set("b", 200), set("a", 601)] }),
      "ResourceExhausted",
      "QUOTA_EXCEEDED",
    );
    const { options: stored } = await options.listOptions({ userId });
    expect(stored.map(({ key, value: one }) => [key, String(json(one)).length + 2])).toEqual([
      ["a", 600],
      ["b", 300],
      ["c", 100],
    ]);
  });

  test("a change set counts what it deletes, and is refused as a whole", async ({ limited }) => {
    const { options } = limited;
    const { id: userId } = await createUser(limited);
    await options.applyOptionChanges({ userId, changes: [set("a", 500), set("b", 500)] });
    await expectRefusal(
      options.applyOptionChanges({ userId, changes: [set("a", 400), set("c", 101)] }),
      "ResourceExhausted",
      "QUOTA_EXCEEDED",
    );
    expect((await options.listOptions({ userId })).options.map(({ key }) => key)).toEqual(["a", "b"]);
    // In whatever order: what gets smaller makes room for what comes before it.
    await options.applyOptionChanges({ userId, changes: [set("c", 400), set("a", 100)] });
    await options.applyOptionChanges({ userId, changes: [remove("b"), set("d", 500)] });
    const { options: now } = await options.listOptions({ userId });
    expect(now.map(({ key }) => key)).toEqual(["a", "c", "d"]);
  });

  test("in a batch each entry stands for itself", async ({ limited }) => {
    const { options } = limited;
    const [a, b] = [await createUser(limited), await createUser(limited)];
    const entry = (userId: bigint, key: string, bytes: number) => ({ userId, key, value: sized(bytes) });
    const entries = [entry(a.id, "1", 600), entry(a.id, "2", 600), entry(b.id, "1", 900), entry(a.id, "3", 400), entry(a.id, "4", 10)];
    const { results } = await options.batchSetOptions({ entries });
    expect(results.map(reasonOf)).toEqual(["stored", "QUOTA_EXCEEDED", "stored", "stored", "QUOTA_EXCEEDED"]);
    expect((await options.listOptions({ userId: a.id })).options.map(({ key }) => key)).toEqual(["1", "3"]);
    expect(reasonOf((await options.batchSetOptions({ entries: [entry(b.id, "2", 101)] })).results[0] as BatchSetOptionResult)).toBe(
      "QUOTA_EXCEEDED",
    );
  });

  test("RestoreOption is held to it too", async ({ limited }) => {
    const { options } = limited;
    const { id: userId } = await createUser(limited);
    await options.setOption({ userId, key: "a", value: sized(900) });
    await options.setOption({ userId, key: "a", value: sized(10) });
    await options.setOption({ userId, key: "b", value: sized(500) });
    const { revisions } = await options.listOptionRevisions({ userId, key: "a" });
    const restored = options.restoreOption({ userId, key: "a", revisionId: revisions[1]?.revisionId ?? 0n });
    await expectRefusal(restored, "ResourceExhausted", "QUOTA_EXCEEDED");
    expect(json((await options.getOption({ userId, key: "a" })).value)).toBe("x".repeat(8));
  });

  test("concurrent writes never get past it together", async ({ limited }) => {
    const { options } = limited;
    const { id: userId } = await createUser(limited);
    const writes = Array.from({ length: 12 }, (_, index) => options.setOption({ userId, key: `k${index}`, value: value(index) }));
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    expect((await options.listOptions({ userId })).options).toHaveLength(5);
  });

  test("the options of a scope are held to the same numbers", async ({ limited }) => {
    const target = { case: "projectId" as const, value: uniqueId() };
    const { options } = limited;
    await options.setScopeOption({ target, key: "a", value: sized(900) });
    await expectRefusal(options.setScopeOption({ target, key: "b", value: sized(101) }), "ResourceExhausted", "QUOTA_EXCEEDED");
    for (const key of ["b", "c", "d", "e"]) await options.setScopeOption({ target, key, value: value(1) });
    await expectRefusal(options.setScopeOption({ target, key: "f", value: value(1) }), "ResourceExhausted", "QUOTA_EXCEEDED");
    await options.setScopeOption({ target, key: "a", value: sized(800), locked: true });
    await options.deleteScopeOption({ target, key: "b" });
    expect((await options.setScopeOption({ target, key: "f", value: value(1) })).created).toBe(true);
  });
});
