import { describe, expect, vi } from "vitest";
import { UserView } from "../../src/gen/userd/v1/user_pb.ts";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { statementsOf } from "../options/statements.ts";
import { createUser } from "../support/build.ts";
import { test } from "../support/service.ts";

const strong = { mode: { case: "fullyConsistent" as const, value: true } };
const byAddress = (value: string) => ({ key: { case: "email" as const, value } });
const byUsername = (value: string) => ({ key: { case: "username" as const, value } });

/** What only the full view shows. */
const tablesOfFull = ["user_permission", "role_member", "authenticator"];

const WAIT = { timeout: 10_000, interval: 50 };

describe("statements of a look-up by name", () => {
  test("a miss is one statement, in either view, and a hit none", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    for (const view of [UserView.BASIC, UserView.FULL]) {
      for (const keyOf of [byAddress, byUsername]) {
        // The news of the user's own creation can come in the middle of a load, which then is made again: another user has another chance.
        await vi.waitFor(async () => {
          const { id, email = "", username = "" } = await createUser(clients["grpc-js"]);
          const keys = [keyOf(keyOf === byAddress ? email : username)];
          const look = async () => expect((await users.lookupUsers({ keys, view })).results).toMatchObject([{ user: { id } }]);
          expect(await statementsOf(look)).toEqual([expect.any(String)]);
          expect(await statementsOf(look)).toEqual([]);
          // The user was read along, and is held for who asks by id.
          expect(await statementsOf(() => users.getUser({ id, view }))).toEqual([]);
        }, WAIT);
      }
    }
  });

  test("a strong look-up is one statement too, each time", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    const { email = "", username = "" } = await createUser(clients["grpc-js"]);
    const keys = [byAddress(email), byUsername(username), byAddress("nobody-at-all@example.com")];
    for (const view of [UserView.BASIC, UserView.FULL]) {
      const statements = await statementsOf(async () => {
        const { results } = await users.lookupUsers({ keys, view, consistency: strong });
        expect(results.map(({ status }) => status)).toEqual([LookupStatus.FOUND, LookupStatus.FOUND, LookupStatus.NOT_FOUND]);
      });
      expect(statements).toHaveLength(1);
    }
  });

  test("1,000 names are one statement, and so is nobody's name", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    const keys = Array.from({ length: 1_000 }, (_, index) => byAddress(`nobody-${index}@example.com`));
    expect(await statementsOf(() => users.lookupUsers({ keys }))).toHaveLength(1);
    expect(await statementsOf(() => users.lookupUsers({ keys }))).toHaveLength(0);
  });

  test("a user who has changed since its name was read is one statement, by its id", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    const { id, email = "" } = await createUser(clients["grpc-js"]);
    await users.lookupUsers({ keys: [byAddress(email)] });
    await users.updateUser({ user: { id, name: "Changed" } });
    const look = async () =>
      expect((await users.lookupUsers({ keys: [byAddress(email)] })).results).toMatchObject([{ user: { name: "Changed" } }]);
    expect(await statementsOf(look)).toEqual([expect.any(String)]);
  });

  test("the basic view reads no table that only the full view shows", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    const { id } = await createUser(clients["grpc-js"]);
    const [basic = ""] = await statementsOf(() => users.getUser({ id, view: UserView.BASIC, consistency: strong }));
    const [full = ""] = await statementsOf(() => users.getUser({ id, view: UserView.FULL, consistency: strong }));
    expect(tablesOfFull.filter((table) => basic.includes(table))).toEqual([]);
    expect(tablesOfFull.filter((table) => full.includes(table))).toEqual(tablesOfFull);
  });
});
