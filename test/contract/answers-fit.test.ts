import { toBinary } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import {
  ApplyOptionChangesResponseSchema,
  BatchSetOptionsResponseSchema,
  SetOptionResponseSchema,
} from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { createAccount, createProfile, createUser, unique, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { test, testConfig } from "../support/service.ts";

const MiB = 1024 * 1024;
/** As many zeros as a value may hold: no JSON grows more on its way to a client. */
const zeros = value(Array(21_845).fill(0));

test("BatchSetOptions of 3.6 MB is stored and answered, and so is its retry", { timeout: 60_000 }, async ({ clients }) => {
  const client = clients["grpc-js"];
  const users = await Promise.all(Array.from({ length: 12 }, () => createUser(client)));
  const entries = users.flatMap(({ id: userId }) =>
    ["a", "b", "c", "d", "e"].map((key) => ({ userId, key, value: value("x".repeat(60_000)) })),
  );
  const request = { entries, requestId: crypto.randomUUID() };
  const first = await client.options.batchSetOptions(request);
  expect(first.abridged).toBe(true);
  expect(
    first.results.map(({ result }) => result.case === "option" && result.value.value === undefined && result.value.etag !== ""),
  ).toEqual(entries.map(() => true));
  expect(toBinary(BatchSetOptionsResponseSchema, first).byteLength).toBeLessThan(3 * MiB);
  expect((await client.options.batchSetOptions(request)).results).toEqual(first.results);
  expect((await client.options.getOption({ userId: users[11]?.id ?? 0n, key: "e" })).value).toEqual(value("x".repeat(60_000)));
  const small = await client.options.batchSetOptions({ entries: entries.slice(0, 2) });
  expect(small.abridged).toBe(false);
  expect(small.results[0]?.result).toMatchObject({ case: "option", value: { value: value("x".repeat(60_000)) } });
});

test("a change set of 3.6 MB is answered without its values", { timeout: 60_000 }, async ({ databaseUrl, clients: _ }) => {
  await using service = await startApp(testConfig(databaseUrl, { QUOTA_OPTION_BYTES_PER_USER: String(8 * MiB) }), silent, {
    migrate: false,
  });
  const { byKind, close } = createClients(service);
  const { options } = byKind["grpc-js"];
  const { id: userId } = await createUser(byKind["grpc-js"]);
  const text = value("x".repeat(60_000));
  const changes = Array.from({ length: 60 }, (_, n) => ({ change: { case: "set" as const, value: { key: `k${n}`, value: text } } }));
  const answer = await options.applyOptionChanges({ userId, changes });
  expect([answer.abridged, answer.options.length]).toEqual([true, 60]);
  expect(toBinary(ApplyOptionChangesResponseSchema, answer).byteLength).toBeLessThan(3 * MiB);
  close();
});

test("pages of values that grow on their way end by what is sent", { timeout: 60_000 }, async ({ clients }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  for (let n = 0; n < 15; n += 1) {
    const single = await options.setOption({ userId, key: `k${n}`, value: zeros });
    expect(toBinary(SetOptionResponseSchema, single).byteLength).toBeLessThan(MiB);
  }
  const page = await options.listOptions({ userId });
  expect(page.options.length).toBeLessThan(15);
  expect((await options.listOptions({ userId, pageToken: page.nextPageToken })).options.length + page.options.length).toBe(15);
});

test("1,000 users with the longest names are created and answered", { timeout: 60_000 }, async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const batch = Array.from({ length: 1_000 }, () => ({ username: `${unique()}${"名".repeat(100)}`, name: "名".repeat(200) }));
  const { results, abridged } = await users.batchCreateUsers({ users: batch });
  expect(results.map(({ result }) => result.case === "user" && result.value.id > 0n)).toEqual(batch.map(() => true));
  expect(abridged).toBe(results[0]?.result.case === "user" && results[0].result.value.username === undefined);
});

test("1,000 resources with the longest names, and the largest profile, are answered", { timeout: 60_000 }, async ({ clients }) => {
  const client = clients["grpc-js"];
  const { id: accountId } = await createAccount(client);
  const { id } = await createProfile(client, (await createUser(client)).id, accountId);
  const resources = Array.from({ length: 1_000 }, (_, n) => ({ kind: "k".repeat(64), ownerProfileId: id, name: `${n}`.padEnd(255, "名") }));
  const { results } = await client.profiles.registerResources({ resources });
  expect(results.map(({ result }) => result.case)).toEqual(resources.map(() => "resource"));
  const annotations = [{ a: Array(21_800).fill(0) }];
  const largest = { annotations, description: "名".repeat(10_000), tags: Array.from({ length: 100 }, (_, n) => `${n}`.padEnd(100, "名")) };
  expect((await client.profiles.updateProfile({ profile: { id, ...largest } })).profile?.annotations).toEqual(annotations);
  expect(
    (
      await client.profiles.listProfiles({
        filter: { node: { case: "term", value: { condition: { case: "accountId", value: { ids: [accountId] } } } } },
        withAccount: true,
      })
    ).profiles,
  ).toHaveLength(1);
});
