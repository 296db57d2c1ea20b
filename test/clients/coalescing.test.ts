import type { Message } from "@bufbuild/protobuf";
import { type CallOptions, Code, ConnectError, createClient, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import { test as base, expect } from "vitest";
import { connectUserd, type Userd } from "../../clients/typescript/src/connect.ts";
import { toValue } from "../../clients/typescript/src/json.ts";
import { coalesce } from "../../src/client/coalescing.ts";
import { UserdError } from "../../src/client/errors.ts";
import { type BatchGetOptionsRequest, type GetOptionRequest, UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createAccount, createProfile, createUsers, uniqueId, value } from "../support/build.ts";
import { test } from "../support/service.ts";

/** What a call said: its answer, or what a program sees of its error. */
const outcomeOf = (call: Promise<Message>): Promise<unknown> =>
  call.catch((error: unknown) => {
    if (!(error instanceof UserdError)) throw error;
    const { code, reason, message, fields, info } = error;
    return { code, reason, message, fields, info };
  });

/** Makes one set of calls twice: by a client that asks together what it can, and one after the other. */
const compare = async (address: string, callsOf: (userd: Userd) => readonly (() => Promise<Message>)[]): Promise<void> => {
  const options = { address, deadlines: { readMs: 30_000 } };
  using together = connectUserd({ ...options, coalesce: true });
  using alone = connectUserd(options);
  const expected: unknown[] = [];
  for (const call of callsOf(alone)) expected.push(await outcomeOf(call()));
  expect(await Promise.all(callsOf(together).map((call) => outcomeOf(call())))).toEqual(expected);
};

test("reads that are asked together answer what each says by itself, errors included", async ({ service, clients }) => {
  const caller = clients["grpc-js"];
  const people = await createUsers(caller, 4);
  const ids = people.map(({ id }) => id);
  const [ann = 0n, bob = 0n, cid = 0n, gone = 0n] = ids;
  const projectId = uniqueId();
  for (const [index, userId] of ids.entries()) {
    await caller.options.setOption({ userId, key: "timezone.a", value: value(index) });
    await caller.options.setOption({ userId, key: "timezone.a", value: value("of the project"), projectId });
  }
  await caller.options.setOption({ userId: ann, key: "timezone.b", value: value(null) });
  await caller.options.setOption({ userId: ann, key: "timezone.c", value: value({ list: [1, "two"] }) });
  await caller.users.deleteUser({ id: gone });
  const { id: accountId } = await createAccount(caller);
  const profile = await createProfile(caller, bob, accountId);

  const keys = ["timezone.a", "timezone.b", "timezone.c", "timezone.d"];
  const latest = { mode: { case: "fullyConsistent" as const, value: true } };
  const users = [...ids, 1n << 60n];
  const address = formatAddress(service.grpcAddress);
  await compare(address, ({ options, users: people, profiles }) => [
    ...users.flatMap((userId) => keys.map((key) => () => options.getOption({ userId, key }))),
    ...ids.map((userId) => () => options.getOption({ userId, key: "timezone.a", projectId, consistency: latest })),
    // Twice, and with a default that comes back as it is.
    () => options.getOption({ userId: ann, key: "timezone.c" }),
    () => options.getOption({ userId: ann, key: "timezone.d", defaultValue: toValue("mine") }),
    () => options.getOption({ userId: ann, key: "timezone.a", defaultValue: toValue("mine") }),
    () => options.getOption({ userId: bob, key: "timezone.d", defaultValue: toValue({ some: "object" }) }),
    ...users.flatMap((id) => [UserView.UNSPECIFIED, UserView.BASIC, UserView.FULL].map((view) => () => people.getUser({ id, view }))),
    () => people.getUser({ id: cid, view: UserView.FULL }),
    ...users.map((userId) => () => profiles.checkAccess({ userId, target: { case: "ownerProfileId", value: profile.id } })),
  ]);
  // One that is refused leaves the others their answers.
  await compare(address, ({ options, users: people, profiles }) => [
    ...["timezone.a", "no key", ""].flatMap((key) => [ann, bob].map((userId) => () => options.getOption({ userId, key }))),
    () => options.getOption({ userId: bob, key: "timezone.d", defaultValue: toValue("a\0b") }),
    () => options.getOption({ userId: ann, key: "timezone.a", projectId, organizationId: 3n }),
    ...[ann, bob, 0n].map((id) => () => people.getUser({ id })),
    ...[ann, bob].map((userId) => () => profiles.checkAccess({ userId, target: { case: "ownerProfileId", value: profile.id } })),
    () => profiles.checkAccess({ userId: bob }),
  ]);
});

test("a moment's reads of one kind are one call, and read the client's own write", async ({ service, clients }) => {
  const address = formatAddress(service.httpAddress);
  const answered = async (method: string): Promise<number> => {
    const page = await (await fetch(`http://${address}/metrics`)).text();
    return Number(new RegExp(`^userd_calls_total\\{method="userd.v1.${method}",code="OK"\\} (\\d+)$`, "m").exec(page)?.[1] ?? 0);
  };
  const ids = (await createUsers(clients["grpc-js"], 20)).map(({ id }) => id);
  using userd = connectUserd({ address: formatAddress(service.grpcAddress), deadlines: { readMs: 30_000 }, coalesce: true });
  const before = [await answered("UserOptionService/BatchGetOptions"), await answered("UserService/LookupUsers")] as const;
  const values = ids.flatMap((userId) => ["timezone.x", "timezone.y"].map((key) => userd.options.getOption({ userId, key })));
  const people = ids.map((id) => userd.users.getUser({ id }));
  expect((await Promise.all(values)).map(({ found }) => found)).toEqual(values.map(() => false));
  expect((await Promise.all(people)).map(({ user }) => user?.id)).toEqual(ids);
  await expect.poll(() => answered("UserOptionService/BatchGetOptions"), { timeout: 20_000 }).toBe(before[0] + 1);
  await expect.poll(() => answered("UserService/LookupUsers"), { timeout: 20_000 }).toBe(before[1] + 1);

  const [writer = 0n] = ids;
  await userd.options.setOption({ userId: writer, key: "timezone.x", value: value("new") });
  const read = await Promise.all(ids.map((userId) => userd.options.getOption({ userId, key: "timezone.x" })));
  expect(read.map(({ found }) => found)).toEqual(ids.map((id) => id === writer));
  // Who reads the same has a message of its own, which it may change.
  const twice = await Promise.all([1, 2].map(() => userd.options.getOption({ userId: writer, key: "timezone.x" })));
  expect(twice[0]).toEqual(twice[1]);
  expect(twice[0]?.option).not.toBe(twice[1]?.option);
});

/** A call that arrived: of one option, or of many. */
type Arrived = { readonly asked: readonly string[]; readonly context: HandlerContext };

/** A service without a database, in this process, whose batches wait for `until`; and a client that asks together. */
const startPlay = (until: (context: HandlerContext) => Promise<void> = async () => {}) => {
  const arrived: Arrived[] = [];
  const single = ({ userId, key }: GetOptionRequest, context: HandlerContext) => {
    arrived.push({ asked: [`${userId} ${key}`], context });
    return { found: true };
  };
  const batch = async ({ userIds, keys }: BatchGetOptionsRequest, context: HandlerContext) => {
    arrived.push({ asked: userIds.flatMap((userId) => keys.map((key) => `${userId} ${key}`)), context });
    await until(context);
    return { results: userIds.map((userId) => ({ userId, userFound: true })) };
  };
  const routes: Parameters<typeof createRouterTransport>[0] = ({ service }) =>
    service(UserOptionService, { getOption: single, batchGetOptions: batch });
  const transport = createRouterTransport(routes, { transport: { interceptors: [coalesce(createRouterTransport(routes))] } });
  const { getOption } = createClient(UserOptionService, transport);
  return { arrived, get: (userId: bigint, options: CallOptions = {}, more = {}) => getOption({ userId, key: "k", ...more }, options) };
};

const asksOf = (arrived: readonly Arrived[]) => arrived.map(({ asked }) => asked).sort();

base("reads that differ in headers, deadline, scope or freshness are not asked together", async () => {
  const { arrived, get } = startPlay();
  const as = (user: string) => ({ headers: { "x-acting-user-id": user } });
  const token = (text: string) => ({ consistency: { mode: { case: "atLeastAsFresh", value: text } } });
  const pairs: [CallOptions, object][] = [
    [{}, {}],
    [as("1"), {}],
    [as("2"), {}],
    [{ timeoutMs: 60_000 }, {}],
    [{ timeoutMs: 70_000 }, {}],
    [{}, { projectId: 7n }],
    [{}, { organizationId: 7n }],
    [{}, token("a")],
    [{}, token("b")],
  ];
  let userId = 0n;
  await Promise.all(pairs.flatMap(([options, more]) => [get(++userId, options, more), get(++userId, options, more)]));
  expect(asksOf(arrived)).toEqual(pairs.map((_, index) => [`${2 * index + 1} k`, `${2 * index + 2} k`]).sort());
  expect(arrived.map(({ context }) => context.requestHeader.get("x-acting-user-id")).sort()).toEqual(
    [null, null, null, null, null, null, null, "1", "2"].sort(),
  );
  expect(arrived.filter(({ context }) => (context.timeoutMs() ?? 0) > 60_000)).toHaveLength(1);
  // What an answer of many can't say is asked alone.
  arrived.length = 0;
  await Promise.all([get(1n, {}, { certify: true }), get(2n, {}, { certify: true }), get(3n, {}, { consistency: { maxStale: {} } })]);
  expect(asksOf(arrived)).toEqual([["1 k"], ["2 k"], ["3 k"]]);
});

base("a batch asks for at most twice of what is wanted, and a read that is the only one is the call that it is", async () => {
  const { arrived, get } = startPlay();
  const wanted = [1n, 2n, 3n].flatMap((userId) => ["a", "b"].map((key) => get(userId, {}, { key })));
  await Promise.all(wanted);
  expect(asksOf(arrived)).toEqual([["1 a", "1 b", "2 a", "2 b", "3 a", "3 b"]]);
  arrived.length = 0;
  await Promise.all(Array.from({ length: 40 }, (_, index) => get(BigInt(index + 1), {}, { key: `k${index % 20}` })));
  expect(arrived.map(({ asked }) => asked.length)).toEqual(Array.from({ length: 20 }, () => 2));
  arrived.length = 0;
  await Promise.all(Array.from({ length: 1_200 }, (_, index) => get(BigInt(index + 1))));
  expect(arrived.map(({ asked }) => asked.length)).toEqual([500, 500, 200]);
  arrived.length = 0;
  expect(await get(5n)).toMatchObject({ found: true });
});

base("a read that is cancelled ends alone; when all are, their call ends", async () => {
  const held = Promise.withResolvers<void>();
  const came = Promise.withResolvers<AbortSignal>();
  const { get } = startPlay(({ signal }) => {
    came.resolve(signal);
    return held.promise;
  });
  const [one, other] = [new AbortController(), new AbortController()];
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: unknown) => (error as ConnectError).code,
    );
  const first = codeOf(get(1n, { signal: one.signal }));
  const second = codeOf(get(2n, { signal: other.signal }));
  const late = codeOf(get(3n, { signal: AbortSignal.abort() }));
  const signal = await came.promise;
  one.abort();
  expect([await first, await late]).toEqual([Code.Canceled, Code.Canceled]);
  expect(signal.aborted).toBe(false);
  const ended = new Promise((resolve) => signal.addEventListener("abort", resolve));
  other.abort();
  expect(await second).toBe(Code.Canceled);
  await ended;
  held.resolve();
});

base("an error that may be of one read is found by asking each; a full service is not asked again", async () => {
  let code = Code.PermissionDenied;
  const { arrived, get } = startPlay(async () => {
    throw new ConnectError("no", code);
  });
  expect((await Promise.all([get(1n), get(2n)])).map(({ found }) => found)).toEqual([true, true]);
  expect(asksOf(arrived)).toEqual([["1 k"], ["1 k", "2 k"], ["2 k"]]);
  code = Code.ResourceExhausted;
  arrived.length = 0;
  const outcomes = await Promise.allSettled([get(1n), get(2n)]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(arrived).toHaveLength(1);
});
