import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { statementsOf } from "../options/statements.ts";
import { actingAs, createAccount, createProfile, createUser, unique } from "../support/build.ts";
import { type Clients, createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base, testConfig } from "../support/service.ts";

const BOUND_MS = 500;

/** Another process over the same database, which hears of writes within the bound. */
const test = base.extend("elsewhere", { scope: "file" }, async ({ databaseUrl, clients: _ }, { onCleanup }): Promise<Clients> => {
  const app = await startApp(testConfig(databaseUrl, { CACHE_STALENESS_MS: String(BOUND_MS) }), silent, { migrate: false });
  const clients = createClients(app);
  onCleanup(async () => {
    clients.close();
    await app[Symbol.asyncDispose]();
  });
  return clients.byKind["grpc-js"];
});

const strong = { mode: { case: "fullyConsistent" as const, value: true } };
const since = (token: string) => ({ mode: { case: "atLeastAsFresh" as const, value: token } });
type Consistency = typeof strong | ReturnType<typeof since>;

const ofUser = (...ids: bigint[]) => ({
  node: { case: "term" as const, value: { condition: { case: "userId" as const, value: { ids } } } },
});

/** A profile of a new user in a new account. */
const furnish = async (clients: Clients) => {
  const account = await createAccount(clients);
  const user = await createUser(clients);
  return { account, user, profile: await createProfile(clients, user.id, account.id, { name: "main" }) };
};
type Furnished = Awaited<ReturnType<typeof furnish>>;

/** The reads that the cache answers, each with what it shows of the profile. */
const profileReads: readonly (readonly [string, ({ profiles }: Clients, of: Furnished, consistency?: Consistency) => Promise<unknown>])[] =
  [
    [
      "GetProfile by id",
      async ({ profiles }, { profile: { id } }, consistency) =>
        (await profiles.getProfile({ key: { case: "id", value: id }, ...(consistency && { consistency }) })).profile,
    ],
    [
      "GetProfile by user and account",
      async ({ profiles }, { user, account }, consistency) =>
        (
          await profiles.getProfile({
            key: { case: "pair", value: { userId: user.id, accountId: account.id } },
            ...(consistency && { consistency }),
          })
        ).profile,
    ],
    [
      "ListProfiles of one user",
      async ({ profiles }, { user }, consistency) =>
        (await profiles.listProfiles({ filter: ofUser(user.id), ...(consistency && { consistency }) })).profiles[0],
    ],
    [
      "GetProfile by name",
      async ({ profiles }, { account }, consistency) =>
        (
          await profiles.getProfile({
            key: { case: "name", value: { accountId: account.id, name: "main" } },
            ...(consistency && { consistency }),
          })
        ).profile,
    ],
  ];

/** What a read shows, undefined when it finds nothing. */
const orNothing = (read: Promise<unknown>) =>
  read.catch((error) => {
    if (String(error).includes("There is no such profile")) return undefined;
    throw error;
  });

describe.for(profileReads)("%s", ([, read]) => {
  test("is answered from memory, and by one statement when it is to be fully consistent", async ({ clients }) => {
    const client = clients["grpc-js"];
    const it = await furnish(client);
    expect(await read(client, it)).toEqual(it.profile);
    expect(await statementsOf(() => read(client, it))).toEqual([]);
    expect(await statementsOf(() => read(client, it, strong))).toHaveLength(1);
  });

  test("shows each change, the end of the profile and of its user to the process that wrote, and elsewhere to who has the token", async ({
    clients,
    elsewhere,
  }) => {
    const here = clients["grpc-js"];
    const it = await furnish(here);
    const everywhere = async (token: string) => [
      await orNothing(read(here, it)),
      await orNothing(read(elsewhere, it, since(token))),
      await orNothing(read(elsewhere, it, strong)),
    ];
    await read(elsewhere, it);
    for (let round = 0; round < 3; round++) {
      const written = await here.profiles.updateProfile({ profile: { id: it.profile.id, description: unique() } });
      expect(await everywhere(written.consistencyToken)).toEqual(Array(3).fill(written.profile));
    }
    const gone = await here.profiles.deleteProfile({ id: it.profile.id });
    expect(await everywhere(gone.consistencyToken)).toEqual([undefined, undefined, undefined]);
    // Another profile of the same user in the same account, and with the same name, has another id.
    const again = await here.profiles.createProfile({ profile: { userId: it.user.id, accountId: it.account.id, name: "main" } });
    const shown = read === profileReads[0]?.[1] ? undefined : again.profile;
    expect(await everywhere(again.consistencyToken)).toEqual(Array(3).fill(shown));
    const purged = await here.users.purgeUser({ id: it.user.id });
    expect(await everywhere(purged.consistencyToken)).toEqual([undefined, undefined, undefined]);
  });

  test("elsewhere, without a token, is not older than the bound", async ({ clients, elsewhere }) => {
    const here = clients["grpc-js"];
    const it = await furnish(here);
    expect(await read(elsewhere, it, strong)).toEqual(it.profile);
    const { profile } = await here.profiles.updateProfile({ profile: { id: it.profile.id, description: "new" } });
    await delay(BOUND_MS + 20);
    expect(await read(elsewhere, it)).toEqual(profile);
  });
});

test("an account is answered from memory by id and number, and shows each change", async ({ clients, elsewhere }) => {
  const here = clients["grpc-js"];
  const { id, number } = await createAccount(here);
  const keys = [
    { case: "id", value: id },
    { case: "number", value: number },
  ] as const;
  for (const key of keys) {
    const read = async (client = here, consistency?: Consistency) =>
      (await client.profiles.getAccount({ key, ...(consistency && { consistency }) })).account;
    await read(elsewhere);
    await read();
    expect(await statementsOf(read)).toEqual([]);
    const { account, consistencyToken } = await here.profiles.updateAccount({ account: { id, name: unique() } });
    expect([await read(), await read(elsewhere, since(consistencyToken)), await read(elsewhere, strong)]).toEqual(Array(3).fill(account));
  }
  const unknown = { key: { case: "number" as const, value: "9999-9999-9999" } };
  await expectRefusal(here.profiles.getAccount(unknown), "NotFound", "ACCOUNT_NOT_FOUND");
  const made = await here.profiles.createAccount({ account: { number: unknown.key.value } });
  expect((await here.profiles.getAccount(unknown)).account).toEqual(made.account);
});

test("the user and the account of a cached profile are cached too", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { profile, user, account } = await furnish(client);
  const read = () => client.profiles.getProfile({ key: { case: "id", value: profile.id }, withUser: true, withAccount: true });
  const basic = (await client.users.getUser({ id: user.id, view: UserView.BASIC })).user;
  expect((await read()).profile).toEqual({ ...profile, user: basic, account });
  expect(await statementsOf(read)).toEqual([]);
  await client.users.updateUser({ user: { id: user.id, name: "Other" } });
  expect((await read()).profile?.user?.name).toBe("Other");
});

test("who acts for its user reads the same profiles as who acts for nobody", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { profile, account } = await furnish(client);
  for (const options of [{}, actingAs(profile.userId)]) {
    expect((await client.profiles.getProfile({ key: { case: "id", value: profile.id } }, options)).profile).toEqual(profile);
    expect((await client.profiles.getAccount({ key: { case: "id", value: account.id } }, options)).account).toEqual(account);
  }
  const stranger = actingAs((await createUser(client)).id);
  await expectRefusal(client.profiles.getProfile({ key: { case: "id", value: profile.id } }, stranger), "NotFound", "PROFILE_NOT_FOUND");
  await expectRefusal(client.profiles.getAccount({ key: { case: "id", value: account.id } }, stranger), "NotFound", "ACCOUNT_NOT_FOUND");
});

test("a name that several profiles of the account have finds none of them", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { account, profile } = await furnish(client);
  const key = (name: string, accountId = account.id) => ({ key: { case: "name" as const, value: { accountId, name } } });
  const other = await createProfile(client, (await createUser(client)).id, account.id, { name: "main" });
  await expectRefusal(client.profiles.getProfile(key("main")), "FailedPrecondition", "AMBIGUOUS_PROFILE_NAME");
  await client.profiles.updateProfile({ profile: { id: other.id, name: "other" } });
  expect((await client.profiles.getProfile(key("main"))).profile).toEqual(profile);
  for (const none of [key("Main"), key("main ", account.id), key("main", account.id + 1_000n)])
    await expectRefusal(client.profiles.getProfile(none), "NotFound", "PROFILE_NOT_FOUND");
  await expectRefusal(client.profiles.getProfile(key("")), "InvalidArgument", "FIELD_INVALID");
});

test("pages of one user's profiles are the same from memory and from the database", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { id: userId } = await createUser(client);
  const accounts = await Promise.all(Array.from({ length: 53 }, () => createAccount(client)));
  const { results } = await client.profiles.batchCreateProfiles({ profiles: accounts.map(({ id: accountId }) => ({ userId, accountId })) });
  expect(results).toHaveLength(53);
  const walk = async (pageSize: number, filter: NonNullable<Parameters<typeof client.profiles.listProfiles>[0]["filter"]>) => {
    const pages: bigint[][] = [];
    let pageToken = "";
    do {
      const { profiles, nextPageToken } = await client.profiles.listProfiles({ filter, pageSize, pageToken });
      pages.push(profiles.map(({ id }) => id));
      pageToken = nextPageToken;
    } while (pageToken !== "");
    return pages;
  };
  for (const pageSize of [0, 1, 49, 50, 51, 53, 1_000]) {
    // Two users, one of whom there is none of, are asked of the database.
    expect(await walk(pageSize, ofUser(userId))).toEqual(await walk(pageSize, ofUser(userId, userId + 1_000_000n)));
  }
  expect((await client.profiles.listProfiles({ filter: ofUser(userId + 1_000_000n) })).profiles).toEqual([]);
});

test("a user's first profiles that are too large for the cache come from the database", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { id: userId } = await createUser(client);
  for (let n = 0; n < 5; n++)
    await createProfile(client, userId, (await createAccount(client)).id, { annotations: [{ text: "x".repeat(60_000) }] });
  const read = async () => (await client.profiles.listProfiles({ filter: ofUser(userId) })).profiles.length;
  expect(await read()).toBe(5);
  expect(await statementsOf(read)).toHaveLength(1);
});

test("a token that nobody has issued is refused by each of these reads", async ({ clients }) => {
  const { profiles } = clients["grpc-js"];
  const it = await furnish(clients["grpc-js"]);
  for (const [, read] of profileReads) {
    await expectRefusal(read(clients["grpc-js"], it, since("none")), "InvalidArgument", "TOKEN_INVALID");
  }
  await expectRefusal(
    profiles.getAccount({ key: { case: "id", value: 1n }, consistency: since("none") }),
    "InvalidArgument",
    "TOKEN_INVALID",
  );
});

/** A write to one of a few profiles, and a process that writes it. */
const step = fc.record({ write: fc.constantFrom("create", "rename", "delete", "account"), which: fc.nat(3), at: fc.nat(1) });

test("after any writes of two processes, both read with the token what a model has", { timeout: 60_000 }, async ({
  clients,
  elsewhere,
}) => {
  const processes = [clients["grpc-js"], elsewhere] as const;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const [accounts, users] = [
        [await createAccount(processes[0]), await createAccount(processes[0])],
        [await createUser(processes[0]), await createUser(processes[0])],
      ];
      const pairOf = (which: number) => ({ userId: users[which % 2]?.id ?? 0n, accountId: accounts[which >> 1]?.id ?? 0n });
      const model = new Map<number, { id: bigint; name: string }>();
      for (const { write, which, at } of steps) {
        const writer = (processes[at] as Clients).profiles;
        const known = model.get(which);
        const name = `name${steps.length}x${which}`;
        let token = "";
        if (write === "account")
          ({ consistencyToken: token } = await writer.updateAccount({ account: { id: pairOf(which).accountId, name } }));
        else if (known === undefined) {
          const { profile, consistencyToken } = await writer.createProfile({ profile: { ...pairOf(which), name } });
          model.set(which, { id: profile?.id ?? 0n, name });
          token = consistencyToken;
        } else if (write === "delete") {
          ({ consistencyToken: token } = await writer.deleteProfile({ id: known.id }));
          model.delete(which);
        } else {
          model.set(which, { ...known, name: `${known.name}x` });
          ({ consistencyToken: token } = await writer.updateProfile({ profile: { id: known.id, name: `${known.name}x` } }));
        }
        const consistency = since(token);
        const expected = model.get(which);
        for (const { profiles } of processes) {
          const found = async (key: Parameters<typeof profiles.getProfile>[0]["key"]) =>
            orNothing(profiles.getProfile({ ...(key && { key }), consistency }).then(({ profile }) => profile?.id));
          expect(await found({ case: "pair", value: pairOf(which) })).toBe(expected?.id);
          if (known !== undefined)
            expect(await found({ case: "id", value: known.id })).toBe(expected?.id === known.id ? known.id : undefined);
          if (expected !== undefined)
            expect(await found({ case: "name", value: { accountId: pairOf(which).accountId, name: expected.name } })).toBe(expected.id);
          const { userId } = pairOf(which);
          const all = (await profiles.listProfiles({ filter: ofUser(userId), consistency })).profiles.map(({ id }) => id);
          const others = [...model].filter(([other]) => other % 2 === which % 2).map(([, { id }]) => id);
          if (write !== "account") expect(all).toEqual(others.toSorted((a, b) => (a < b ? -1 : 1)));
        }
      }
    }),
    { numRuns: 12 },
  );
});
