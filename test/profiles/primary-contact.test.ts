import { describe, expect } from "vitest";
import { createAccount, createProfile, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const contact = (name: string) => ({ email: `${unique(name)}@example.com`, name });

describe.for(clientKinds)("the primary contact, through %s", { concurrent: true }, (kind) => {
  test("P2 a contact that is there becomes the primary one, and the one before stays a contact", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const [first, second] = [contact("first"), contact("second")];
    for (const one of [first, second]) await profiles.addAccountContact({ accountId, contact: one });
    const primaries = async () =>
      (await profiles.listAccountContacts({ accountId })).contacts.map(({ email, isPrimary }) => [email, isPrimary]);
    expect(await primaries()).toEqual([
      [first.email, true],
      [second.email, false],
    ]);
    for (let again = 0; again < 2; again++) {
      const answer = await profiles.setPrimaryContact({ accountId, email: second.email.toUpperCase() });
      expect(answer.contact).toMatchObject({ ...second, isPrimary: true });
    }
    expect(await primaries()).toEqual([
      [first.email, false],
      [second.email, true],
    ]);
    await expectRefusal(profiles.setPrimaryContact({ accountId, email: "nobody@example.com" }), "NotFound", "CONTACT_NOT_FOUND");
    await expectRefusal(profiles.setPrimaryContact({ accountId: 9_000_000_000_000n, email: first.email }), "NotFound", "ACCOUNT_NOT_FOUND");
    await expectRefusal(profiles.setPrimaryContact({ accountId, email: "" }), "InvalidArgument", "FIELD_INVALID");
  });

  test("P2 of many that become the primary contact at once, one is; P5 a new profile does not take it away", async ({ clients }) => {
    const { profiles } = clients[kind];
    const { id: accountId } = await createAccount(clients[kind]);
    const contacts = Array.from({ length: 5 }, () => contact("many"));
    for (const one of contacts) await profiles.addAccountContact({ accountId, contact: one });
    await Promise.all(contacts.map(({ email }) => profiles.setPrimaryContact({ accountId, email })));
    const before = (await profiles.listAccountContacts({ accountId })).contacts.filter(({ isPrimary }) => isPrimary);
    expect(before).toHaveLength(1);
    const { id: userId } = await createUser(clients[kind]);
    await createProfile(clients[kind], userId, accountId);
    const after = (await profiles.listAccountContacts({ accountId })).contacts.filter(({ isPrimary }) => isPrimary);
    expect(after).toEqual(before);
  });
});
