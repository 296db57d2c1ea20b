import { OpenFeature, ProviderEvents } from "@openfeature/server-sdk";
import { connectUserd, openNearCache, toValue } from "@userd/client";
import { UserdProvider } from "@userd/openfeature-provider";
import { expect, onTestFinished, vi } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { buildUser } from "../support/build.ts";
import { test } from "../support/service.ts";

test("a program that knows OpenFeature alone sees options as flags, and a changed default without polling", async ({
  service,
  clients,
}) => {
  const { options, users } = clients["grpc-js"];
  const userId = (await users.createUser({ user: buildUser() })).user?.id ?? 0n;
  const address = formatAddress(service.grpcAddress);

  // The set-up, five lines.
  const userd = connectUserd({ address });
  const near = openNearCache(userd);
  await OpenFeature.setProviderAndWait(new UserdProvider(near));
  const flags = OpenFeature.getClient();
  const context = { targetingKey: String(userId), projectId: 7 };

  onTestFinished(async () => {
    await OpenFeature.close();
    near.close();
    userd.close();
  });
  let changes = 0;
  flags.addHandler(ProviderEvents.ConfigurationChanged, () => {
    changes += 1;
  });
  const details = () => flags.getBooleanDetails("flags.beta", false, context);
  expect(await details()).toMatchObject({ value: false, reason: "DEFAULT" });
  await vi.waitFor(async () => {
    expect(await details()).toMatchObject({ value: false, reason: "DEFAULT" });
    expect(near.stats().hits).toBeGreaterThan(0);
  }, 10_000);

  await options.setScopeOption({ target: { case: "globalScope", value: {} }, key: "flags.beta", value: toValue(true) });
  const written = performance.now();
  // No call is made until the change has arrived.
  const { hits, misses } = near.stats();
  await vi.waitFor(async () => expect(await details()).toMatchObject({ value: true, reason: "STATIC" }), { timeout: 2_500, interval: 5 });
  expect(performance.now() - written).toBeLessThan(2_500);
  expect(near.stats().misses).toBe(misses + 1);
  expect(near.stats().hits).toBeGreaterThanOrEqual(hits);
  expect(changes).toBeGreaterThan(0);
  await vi.waitFor(async () => expect(await details()).toMatchObject({ value: true, reason: "CACHED" }), 5_000);

  await options.setOption({ userId, key: "flags.beta", value: toValue("on") });
  const mismatch = await vi.waitFor(async () => {
    const got = await details();
    expect(got.reason).toBe("ERROR");
    return got;
  }, 2_500);
  expect(mismatch).toMatchObject({ value: false, errorCode: "TYPE_MISMATCH" });
  const text = await flags.getStringDetails("flags.beta", "", context);
  expect(text).toMatchObject({ value: "on", flagMetadata: { source: "USER_GLOBAL", locked: false } });
});

test("a context without a user, or with a strange one, and a user who is unknown, get the default", async ({ service }) => {
  const userd = connectUserd({ address: formatAddress(service.grpcAddress) });
  const near = openNearCache(userd);
  onTestFinished(() => {
    near.close();
    userd.close();
  });
  await OpenFeature.setProviderAndWait("strange", new UserdProvider(near));
  const flags = OpenFeature.getClient("strange");
  expect(await flags.getNumberDetails("flags.n", 5)).toMatchObject({ value: 5, reason: "ERROR", errorCode: "TARGETING_KEY_MISSING" });
  const ann = { targetingKey: "ann" };
  expect(await flags.getNumberDetails("flags.n", 5, ann)).toMatchObject({ value: 5, reason: "ERROR", errorCode: "INVALID_CONTEXT" });
  expect(await flags.getNumberDetails("flags.n", 5, { targetingKey: "999999999" })).toMatchObject({ value: 5, reason: "DEFAULT" });
  expect(await flags.getNumberDetails("a b", 5, { targetingKey: "1" })).toMatchObject({ value: 5, reason: "ERROR", errorCode: "GENERAL" });
});
