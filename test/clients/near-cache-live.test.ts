import { expect, onTestFinished, vi } from "vitest";
import { connectUserd, type Userd } from "../../clients/typescript/src/connect.ts";
import { toJsonValue, toValue } from "../../clients/typescript/src/json.ts";
import { type NearCacheOptions, openNearCache } from "../../clients/typescript/src/near-cache/near-cache.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { buildUser, createAccount, createProfile } from "../support/build.ts";
import { test } from "../support/service.ts";

/** A client of its own with a live near cache. */
const open = async (address: { host: string; port: number }, options: NearCacheOptions = {}) => {
  const userd = connectUserd({ address: formatAddress(address) });
  const errors: unknown[] = [];
  const near = openNearCache(userd, { onError: (error) => errors.push(error), ...options });
  onTestFinished(() => {
    near.close();
    userd.close();
  });
  await near.live();
  return { userd, near, errors };
};

const newUser = async (userd: Userd): Promise<bigint> => (await userd.users.createUser({ user: buildUser() })).user?.id ?? 0n;

/** Reads until an answer is kept: those from before the stream began are not. */
const keep = async <A extends object>(read: () => A | Promise<A>): Promise<A> => {
  await vi.waitFor(async () => {
    await read();
    expect(read()).not.toBeInstanceOf(Promise);
  }, 10_000);
  return read();
};

test("a second read is answered from memory, until somebody else changes what it rests on", async ({ service }) => {
  const writer = connectUserd({ address: formatAddress(service.grpcAddress) });
  onTestFinished(() => writer.close());
  const { near } = await open(service.grpcAddress);
  const userId = await newUser(writer);
  await writer.options.setOption({ userId, key: "near.x", value: toValue("a") });
  const read = () => near.options.get(userId, "near.x");
  expect(toJsonValue((await keep(read)).value)).toBe("a");
  const resolved = await keep(() => near.options.resolve(userId, ["near.x", "near.y"]));
  expect(resolved.options.map(({ found }) => found)).toEqual([true, false]);
  const user = await keep(() => near.users.get(userId));
  expect(user.id).toBe(userId);

  const { hits } = near.stats();
  const written = performance.now();
  await writer.options.setOption({ userId, key: "near.x", value: toValue("b") });
  // Whatever is read more than the bound after the write shows it; here the feed is faster.
  await vi.waitFor(async () => expect(toJsonValue((await read()).value)).toBe("b"), { timeout: 2_500, interval: 10 });
  expect(performance.now() - written).toBeLessThan(2_500);
  expect(near.stats().hits).toBeGreaterThan(hits);
  // The answer for the organization of nobody is another one.
  expect((await near.options.get(userId, "near.x", { organizationId: 1n })).found).toBe(false);
});

test("own writes are seen at once", async ({ service }) => {
  const { userd, near } = await open(service.grpcAddress);
  const userId = await newUser(userd);
  for (const value of ["a", "b", "c", "d"]) {
    await userd.options.setOption({ userId, key: "near.x", value: toValue(value) });
    const read = () => near.options.get(userId, "near.x");
    expect(toJsonValue((await read()).value)).toBe(value);
    expect(toJsonValue((await keep(read)).value)).toBe(value);
  }
});

test("permissions are kept only where that was asked for", async ({ service, clients }) => {
  const { userd, near } = await open(service.grpcAddress);
  const userId = await newUser(userd);
  const account = await createAccount(clients["grpc-js"]);
  const owner = await createProfile(clients["grpc-js"], await newUser(userd), account.id);
  const target = { ownerProfileId: owner.id };
  const check = () => near.access.check(userId, target);
  const { verdicts } = near.stats();
  expect((await check()).allowed).toBe(false);
  expect(check()).toBeInstanceOf(Promise);
  expect(near.stats().verdicts).toEqual(verdicts);
  const { near: trusting } = await open(service.grpcAddress, { cachePermissions: true });
  const kept = await keep(() => trusting.access.check(userId, target));
  expect(kept.allowed).toBe(false);
  // A superuser may do all: the flag outdates the check.
  await userd.users.updateUser({ user: { id: userId, isSuperuser: true }, updateMask: { paths: ["is_superuser"] } });
  await vi.waitFor(async () => expect((await trusting.access.check(userId, target)).allowed).toBe(true), 2_500);
});

test("an answer ends with an option in it that expires", async ({ service }) => {
  const { userd, near } = await open(service.grpcAddress);
  const userId = await newUser(userd);
  const expireTime = { seconds: BigInt(Math.floor(Date.now() / 1_000) + 4), nanos: 0 };
  await userd.options.setOption({ userId, key: "near.x", value: toValue("a"), expireTime });
  const kept = await keep(() => near.options.get(userId, "near.x"));
  expect(kept.found).toBe(true);
  await vi.waitFor(async () => expect((await near.options.get(userId, "near.x")).found).toBe(false), { timeout: 6_000, interval: 20 });
  expect(Date.now() / 1_000).toBeGreaterThanOrEqual(Number(expireTime.seconds) - 0.2);
});
