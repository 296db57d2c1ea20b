import { expect } from "vitest";
import { createAccount, createProfile, createUser } from "../support/build.ts";
import { test } from "../support/service.ts";

// PostgreSQL keeps the members of an object in an order of its own.
const annotations = [{ zone: "b", a: { y: 1, x: [2] }, long_name: "c" }];

test("annotations that are equal but for the order of members move no etag, of a profile and of an account", async ({ clients }) => {
  const client = clients["grpc-js"];
  const account = await createAccount(client);
  const { id } = await createProfile(client, (await createUser(client)).id, account.id);
  const updateProfile = async () => (await client.profiles.updateProfile({ profile: { id, annotations } })).profile;
  const updateAccount = async () => (await client.profiles.updateAccount({ account: { id: account.id, annotations } })).account;
  for (const update of [updateProfile, updateAccount]) {
    const first = await update();
    expect(first?.annotations).toEqual(annotations);
    expect(await update()).toEqual(first);
  }
});
