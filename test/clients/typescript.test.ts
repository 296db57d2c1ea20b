import { Code, createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { test as base, expect, vi } from "vitest";
import { connectUserd } from "../../clients/typescript/src/connect.ts";
import { reasonOf, UserdError } from "../../src/client/errors.ts";
import { namedIn } from "../../src/client/named.ts";
import { nameWrites } from "../../src/client/retries.ts";
import { carryTokens } from "../../src/client/tokens.ts";
import type { Consistency } from "../../src/gen/userd/v1/consistency_pb.ts";
import { ErrorReason } from "../../src/gen/userd/v1/errors_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { RETRY_AFTER_MS, startRefusingProxy } from "../examples/refusing-proxy.ts";
import { buildUser } from "../support/build.ts";
import { test } from "../support/service.ts";

const value = (stringValue: string) => ({ kind: { case: "stringValue" as const, value: stringValue } });

test("errors have their reason as a value of the enum, with what it says besides", async ({ service }) => {
  using userd = connectUserd({ address: formatAddress(service.grpcAddress) });
  const unknown = await userd.options.getOption({ userId: 1n << 60n, key: "timezone.x" }).catch((error: unknown) => error);
  expect(unknown).toBeInstanceOf(UserdError);
  expect(unknown).toMatchObject({ reason: ErrorReason.USER_NOT_FOUND, code: Code.NotFound, retryAfterMs: undefined, fields: [] });
  const invalid = await userd.options.getOption({ userId: 1n, key: "a b" }).catch((error: unknown) => error);
  expect(reasonOf(invalid)).toBe(ErrorReason.FIELD_INVALID);
  expect(invalid).toMatchObject({ fields: [{ field: "key" }] });
  // Nobody answers there, which is no reason of the service.
  using nobody = connectUserd({ address: "127.0.0.1:1", retries: { most: 1, firstWaitMs: 1 } });
  const silence = await nobody.users.getUser({ id: 1n }).catch((error: unknown) => error);
  expect(silence).toMatchObject({ name: "UserdError", reason: undefined, code: Code.Unavailable });
});

test("the errors of a stream are typed as well", async ({ service }) => {
  using userd = connectUserd({ address: formatAddress(service.grpcAddress) });
  const read = async () => {
    for await (const _ of userd.users.streamUsers({ afterId: -1n }));
  };
  expect(reasonOf(await read().catch((error: unknown) => error))).toBe(ErrorReason.FIELD_INVALID);
});

test("a stream that its reader leaves ends, and its deadline with it", async ({ service }) => {
  using userd = connectUserd({ address: formatAddress(service.grpcAddress) });
  using begun = vi.spyOn(globalThis, "setTimeout");
  using ended = vi.spyOn(globalThis, "clearTimeout");
  const timeoutMs = 3_600_000;
  // One more than a connection carries at once.
  for (let streams = 0; streams <= 100; streams += 1) {
    for await (const _ of userd.changes.watchChanges({ start: { case: "now", value: true } }, { timeoutMs })) break;
  }
  const deadlines = begun.mock.calls.flatMap(([, ms], index) => (ms === timeoutMs ? [begun.mock.results[index]?.value] : []));
  expect(deadlines.length).toBeGreaterThan(100);
  // Some are the service's, which runs here too and hears of the end a moment later.
  const left = () => deadlines.filter((timer) => !ended.mock.calls.some(([one]) => one === timer)).length;
  await expect.poll(left).toBe(0);
});

test("a refused call comes again when it was told to, and not sooner; without retries it fails", async ({ service }) => {
  await using proxy = await startRefusingProxy(service.grpcAddress);
  using userd = connectUserd({ address: formatAddress(proxy.address) });
  const { user } = await userd.users.createUser({ user: buildUser() });
  await userd.options.setOption({ userId: user?.id ?? 0n, key: "timezone.x", value: value("dark") });
  const got = await userd.options.getOption({ userId: user?.id ?? 0n, key: "timezone.x" });
  expect(got.value).toMatchObject(value("dark"));
  for (const rpc of ["CreateUser", "SetOption", "GetOption"]) expect(proxy.waits.get(rpc), rpc).toBeGreaterThanOrEqual(RETRY_AFTER_MS - 1);

  await using other = await startRefusingProxy(service.grpcAddress);
  using once = connectUserd({ address: formatAddress(other.address), retries: { most: 0 } });
  expect(reasonOf(await once.users.getUser({ id: 1n }).catch((error: unknown) => error))).toBe(ErrorReason.OVERLOADED);
  using hasty = connectUserd({ address: formatAddress(other.address), retries: { longestWaitMs: RETRY_AFTER_MS - 1 } });
  expect(reasonOf(await hasty.options.getOption({ userId: 1n, key: "a" }).catch((error: unknown) => error))).toBe(ErrorReason.OVERLOADED);
});

test("a deadline ends all attempts together", async ({ service }) => {
  await using proxy = await startRefusingProxy(service.grpcAddress);
  using userd = connectUserd({ address: formatAddress(proxy.address), deadlines: { readMs: RETRY_AFTER_MS / 2 } });
  const late = await userd.users.getUser({ id: 1n }).catch((error: unknown) => error);
  expect(late).toMatchObject({ name: "UserdError", code: Code.DeadlineExceeded });
});

/** What a read asked for after some writes, whose tokens are their keys. */
const asked = async (
  writes: readonly { userId?: bigint; organizationId?: bigint; key: string }[],
  userId: bigint,
  consistency?: object,
) => {
  let now = 0;
  const seen: Consistency["mode"][] = [];
  const interceptors = [carryTokens({ forMs: 100, clock: () => now, onWrite: () => {} })];
  const transport = createRouterTransport(
    ({ service }) =>
      service(UserOptionService, {
        setOption: ({ key }) => ({ consistencyToken: key }),
        getOption: (request) => {
          seen.push(request.consistency?.mode ?? { case: undefined });
          return {};
        },
      }),
    { transport: { interceptors } },
  );
  const options = createClient(UserOptionService, transport);
  for (const write of writes) await options.setOption({ ...write, value: value("x") });
  const read = () => options.getOption({ userId, key: "k", ...(consistency && { consistency }) });
  await read();
  now = 101;
  await read();
  // After the service's longest bound every read sees the write anyway.
  if (consistency === undefined) expect(seen[1]).toEqual({ case: undefined });
  return seen[0];
};

const atLeast = (token: string) => ({ case: "atLeastAsFresh", value: token });

base("reads carry the token of the writes that named the same, and no other", async () => {
  expect(await asked([], 1n)).toEqual({ case: undefined });
  expect(await asked([{ userId: 2n, key: "of-2" }], 1n)).toEqual({ case: undefined });
  expect(await asked([{ userId: 1n, key: "a" }], 1n)).toEqual(atLeast("a"));
  // The later token stands for the earlier one, unless the earlier write named more.
  expect(
    await asked(
      [
        { userId: 1n, key: "a" },
        { userId: 1n, key: "b" },
      ],
      1n,
    ),
  ).toEqual(atLeast("b"));
  const wider = [
    { userId: 1n, organizationId: 3n, key: "a" },
    { userId: 1n, key: "b" },
  ];
  expect(await asked(wider, 1n)).toEqual({ case: "fullyConsistent", value: true });
  // A write that names nothing may have changed anything.
  expect(await asked([{ key: "of-all" }], 1n)).toEqual(atLeast("of-all"));
  // A read that says itself what it needs is left alone.
  const own = { mode: { case: "minimizeLatency" as const, value: true } };
  expect(await asked([{ userId: 1n, key: "a" }], 1n, own)).toEqual(own.mode);
  expect(await asked([{ userId: 1n, key: "a" }], 1n, { maxStale: { seconds: 5n } })).toEqual(atLeast("a"));
});

base("messages name things by their ids, in lists, parts and choices", () => {
  const lookup = { $typeName: "userd.v1.LookupUsersRequest", keys: [{ $typeName: "userd.v1.UserKey", key: { case: "id", value: 5n } }] };
  expect(namedIn(lookup)).toEqual(new Set(["user:5"]));
  const byMail = { keys: [{ $typeName: "userd.v1.UserKey", key: { case: "email", value: "Ann@Example.com" } }] };
  expect(namedIn(byMail)).toEqual(new Set(["name:ann@example.com"]));
  expect(namedIn({ $typeName: "userd.v1.UpdateUserRequest", user: { $typeName: "userd.v1.User", id: 7n, username: "ann" } })).toEqual(
    new Set(["user:7", "name:ann"]),
  );
  expect(namedIn({ userIds: [1n, 2n], projectId: 0n, organizationId: 3n, value: { userId: 9n } })).toEqual(
    new Set(["user:1", "user:2", "organization:3"]),
  );
});

base("writes get a request_id of their own, each attempt the same, and reads get none", async () => {
  const seen: string[] = [];
  const twice: Interceptor = (next) => async (request) => {
    await next(request);
    return next(request);
  };
  const transport = createRouterTransport(
    ({ service }) =>
      service(UserService, {
        createUser: ({ requestId }) => {
          seen.push(requestId);
          return {};
        },
        getUser: () => ({}),
      }),
    { transport: { interceptors: [nameWrites, twice] } },
  );
  const users = createClient(UserService, transport);
  await users.getUser({ id: 1n });
  await users.createUser({ user: {} });
  await users.createUser({ user: {}, requestId: "mine" });
  expect(seen[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(seen).toEqual([seen[0], seen[0], "mine", "mine"]);
});

test("a client sees its own writes, and tells listeners what they named", async ({ service }) => {
  using userd = connectUserd({ address: formatAddress(service.grpcAddress) });
  const heard: string[][] = [];
  const stop = userd.onWrite((named) => heard.push([...named]));
  const { user } = await userd.users.createUser({ user: buildUser() });
  const userId = user?.id ?? 0n;
  expect(heard[0]).toContain(`user:${userId}`);
  for (const one of ["a", "b"]) {
    await userd.options.setOption({ userId, key: "timezone.x", value: value(one) });
    expect((await userd.options.getOption({ userId, key: "timezone.x" })).value).toMatchObject(value(one));
  }
  stop();
  await userd.options.deleteOption({ userId, key: "timezone.x" });
  expect(heard).toHaveLength(3);
});
