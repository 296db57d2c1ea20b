import { describe, expect } from "vitest";
import { AuthenticatorType } from "../../src/gen/userd/v1/authenticator_pb.ts";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { collect } from "../support/collect.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

type ListUsers = Parameters<Clients["users"]["listUsers"]>[0];

const idsOf = async ({ users }: Clients, request: ListUsers): Promise<bigint[]> =>
  (await users.listUsers(request)).users.map(({ id }) => id);

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : Number(a > b));

describe.for(clientKinds)("lists of users, through %s", { concurrent: true }, (kind) => {
  test("U15 emails and email_verified must match the same address, and a user comes once", async ({ clients, db }) => {
    const word = unique("u15");
    const { id } = await createUser(clients[kind], { username: word, email: `${word}-a@example.com` });
    const others = ["b", "c"].map((letter) => `${word}-${letter}@example.com`);
    await db.sql
      .insertInto("user_email")
      .values(others.map((email) => ({ user_id: id, email, email_canonical: email, is_verified: email.includes("-b@") })))
      .execute();
    const all = [`${word}-A@example.com`, ...others];
    expect(await idsOf(clients[kind], { filter: { emails: all } })).toEqual([id]);
    expect(await idsOf(clients[kind], { filter: { emails: all, emailVerified: true } })).toEqual([id]);
    expect(await idsOf(clients[kind], { filter: { emails: [all[0] ?? ""], emailVerified: true } })).toEqual([]);
    expect(await idsOf(clients[kind], { filter: { usernames: [word], emailVerified: false } })).toEqual([id]);
    expect(await idsOf(clients[kind], { filter: { query: word } })).toEqual([id]);
  });

  test("U16 a list without any condition is legal, a page at a time", async ({ clients }) => {
    const { users } = clients[kind];
    await createUser(clients[kind]);
    await createUser(clients[kind]);
    const first = await users.listUsers({ pageSize: 1 });
    expect(first.users).toHaveLength(1);
    expect(first.nextPageToken).not.toBe("");
    const { fields } = await expectRefusal(users.listUsers({ pageSize: -1 }), "InvalidArgument", "FIELD_INVALID");
    expect(fields).toEqual(["page_size"]);
  });

  test("U17 free text is found in name, username and every address; short text at their beginnings", async ({ clients, db }) => {
    const word = unique("Zü");
    const named = await createUser(clients[kind], { name: `Mr ${word}%_ Smith` });
    const bearer = await createUser(clients[kind], { username: `a.${word}` });
    const addressed = await createUser(clients[kind]);
    const canonical = `x+${word.toLowerCase()}@example.org`;
    await db.sql.insertInto("user_email").values({ user_id: addressed.id, email: canonical, email_canonical: canonical }).execute();
    const all = [named.id, bearer.id, addressed.id].sort(ascending);
    expect(await idsOf(clients[kind], { search: word.toUpperCase() })).toEqual(all);
    expect(await idsOf(clients[kind], { filter: { query: word } })).toEqual(all);
    expect(await idsOf(clients[kind], { search: `${word} smith` })).toEqual([named.id]);
    expect(await idsOf(clients[kind], { search: `"smith ${word}"` })).toEqual([]);
    expect(await idsOf(clients[kind], { search: `"mr ${word}%_ smith"` })).toEqual([named.id]);
    expect(await idsOf(clients[kind], { search: `${word}_%` })).toEqual([]);
    expect(await idsOf(clients[kind], { search: `${word} @example.org` })).toEqual([addressed.id]);
    // Below 3 characters: what begins with it.
    expect(await idsOf(clients[kind], { search: `mr ${word}` })).toEqual([named.id]);
    expect(await idsOf(clients[kind], { search: `r ${word}` })).toEqual([]);
  });

  test("U17 keys are exact without case, values of one key are alternatives, and keys are ANDed", async ({ clients, db }) => {
    const { users } = clients[kind];
    const word = unique("Key");
    const first = await createUser(clients[kind], { username: `${word}1`, name: `${word} One`, isSuperuser: true });
    const second = await createUser(clients[kind], { username: `${word}2`, name: `${word} Two`, isActive: false });
    await db.sql
      .insertInto("user_permission")
      .values({ user_id: second.id, permission: `svc.${word}` })
      .execute();
    const search = (text: string) => idsOf(clients[kind], { search: text });
    expect(await search(`username:${word.toUpperCase()}1`)).toEqual([first.id]);
    expect(await search(`username:${word}`)).toEqual([]);
    expect(await search(`email:${first.email?.toUpperCase()} email:${second.email}`)).toEqual([first.id, second.id]);
    expect(await search(`name:"${word} one"`)).toEqual([first.id]);
    expect(await search(`name:${word}`)).toEqual([]);
    expect(await search(`id:${first.id} id:${second.id}`)).toEqual([first.id, second.id]);
    expect(await search(`id:${first.id} id:${second.id} is:superuser`)).toEqual([first.id]);
    expect(await search(`${word} is:superuser is:inactive`)).toEqual([first.id, second.id]);
    expect(await search(`${word} is:active`)).toEqual([first.id]);
    expect(await search(`permission:svc.${word}`)).toEqual([second.id]);
    expect((await users.listUserIds({ search: word })).ids).toEqual([first.id, second.id]);
  });

  test.for([
    ["mail:somebody", '"mail:somebody"'],
    ["mail:ann@example.com", '"mail:…"'],
    ["jane id:12x", '"id:12x"'],
    ["id:0", '"id:0"'],
    ["id:99999999999999999999", '"id:99999999999999999999"'],
    ["is:tall", '"is:tall"'],
    ["email:", '"email:"'],
    ['name:"ann', '"name:"'],
    ['jane "doe', '""doe"'],
  ] as const)("U17 a search that is not understood is INVALID_ARGUMENT and names the word: %s", async ([search, token], { clients }) => {
    const { users } = clients[kind];
    const { error, fields } = await expectRefusal(users.listUsers({ search }), "InvalidArgument", "FIELD_INVALID");
    expect(fields).toEqual(["search"]);
    expect(error.rawMessage).toContain(token);
  });

  test("filters by flags, permission, authenticator and organization", async ({ clients, db }) => {
    const query = unique("flt");
    const plain = await createUser(clients[kind], { username: `${query}1`, isStaff: true });
    const strong = await createUser(clients[kind], { username: `${query}2` });
    await db.sql.insertInto("authenticator").values({ user_id: strong.id, type: 1 }).execute();
    const list = (filter: NonNullable<ListUsers["filter"]>) => idsOf(clients[kind], { filter: { query, ...filter } });
    expect(await list({ isStaff: true })).toEqual([plain.id]);
    expect(await list({ isSuperuser: false, isActive: true })).toEqual([plain.id, strong.id]);
    expect(await list({ authenticatorTypes: [AuthenticatorType.TOTP] })).toEqual([strong.id]);
    expect(await list({ authenticatorTypes: [AuthenticatorType.U2F] })).toEqual([]);
    expect(await list({ withoutAuthenticator: true })).toEqual([plain.id]);
    expect(await list({ withoutAuthenticator: false })).toEqual([strong.id]);
    expect(await list({ permission: "no.such" })).toEqual([]);
    expect(await list({ organizationId: 1n })).toEqual([]);
    expect(await list({ userIds: [strong.id, plain.id], usernames: [`${query}2`.toUpperCase()] })).toEqual([strong.id]);
  });

  test.for(["id", "id desc", "username", "username desc", "date_joined asc", "date_joined desc"])(
    "every order pages without losing or repeating a user: %s",
    async (orderBy, { clients }) => {
      const { users } = clients[kind];
      const query = unique("ord");
      for (const letter of ["b", "C", "a", "d", "É"]) await createUser(clients[kind], { username: `${letter}${query}` });
      const names: (string | undefined)[] = [];
      for (let pageToken = ""; ; ) {
        const page = await users.listUsers({ filter: { query }, orderBy, pageSize: 2, pageToken });
        names.push(...page.users.map(({ username }) => username?.[0]));
        pageToken = page.nextPageToken;
        if (pageToken === "") break;
      }
      const byName = orderBy.startsWith("username");
      const expected = byName ? ["a", "b", "C", "d", "É"] : ["b", "C", "a", "d", "É"];
      expect(names).toEqual(orderBy.endsWith("desc") ? expected.reverse() : expected);
    },
  );

  test("an order that is not one is refused, and the view says how much there is of a user", async ({ clients }) => {
    const { users } = clients[kind];
    const { id } = await createUser(clients[kind]);
    await expectRefusal(users.listUsers({ orderBy: "password" }), "InvalidArgument", "FIELD_INVALID");
    const filter = { userIds: [id] };
    expect((await users.listUsers({ filter })).users[0]?.emails).toEqual([]);
    expect((await users.listUsers({ filter, view: UserView.FULL })).users[0]?.emails).toHaveLength(1);
  });

  test("U19 a page token of another query, or a tampered one, is refused", async ({ clients }) => {
    const { users } = clients[kind];
    const query = unique("tok");
    for (const letter of ["a", "b", "c"]) await createUser(clients[kind], { username: `${letter}${query}` });
    const { nextPageToken: pageToken } = await users.listUsers({ filter: { query }, pageSize: 1 });
    const refused = (request: ListUsers) => expectRefusal(users.listUsers(request), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
    await refused({ filter: { query: `${query}x` }, pageToken });
    await refused({ filter: { query }, showDeleted: true, pageToken });
    await refused({ filter: { query }, pageToken: `${pageToken.slice(0, -1)}${pageToken.endsWith("A") ? "B" : "A"}` });
    await refused({ filter: { query }, pageToken: "no token" });
    await expectRefusal(users.listUserIds({ filter: { query }, pageToken }), "InvalidArgument", "PAGE_TOKEN_MISMATCH");
    expect((await users.listUsers({ filter: { query }, pageSize: 2, pageToken })).users).toHaveLength(2);
  });

  test("StreamUsers sends each user once, by id, and goes on after an id", async ({ clients }) => {
    const { users } = clients[kind];
    const query = unique("str");
    const ids: bigint[] = [];
    for (let index = 0; index < 5; index += 1) ids.push((await createUser(clients[kind], { username: `${query}-${index}` })).id);
    const received = async (request: Parameters<typeof users.streamUsers>[0]) =>
      (await collect(users.streamUsers(request))).map(({ user }) => user?.id);
    expect(await received({ filter: { query } })).toEqual(ids);
    expect(await received({ filter: { query }, afterId: ids[1] ?? 0n })).toEqual(ids.slice(2));
    expect(await received({ search: `username:${query}-3`, view: UserView.FULL })).toEqual([ids[3]]);
    await expectRefusal(received({ search: "nokey:x" }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(received({ afterId: -1n }), "InvalidArgument", "FIELD_INVALID");
  });
});
