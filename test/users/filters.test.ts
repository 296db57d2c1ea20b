import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect } from "vitest";
import { createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const at = (text: string) => timestampFromDate(new Date(text));

describe.for(clientKinds)("filters of lists of users, through %s", { concurrent: true }, (kind) => {
  test("by is_app, is_suspended, role and external id", async ({ clients }) => {
    const { users } = clients[kind];
    const word = unique("list");
    const app = await createUser(clients[kind], { name: word, isApp: true, externalId: unique("ext-") });
    const person = await createUser(clients[kind], { name: word });
    await users.suspendUser({ id: person.id });
    const roleName = unique("role");
    await users.createRole({ role: { name: roleName, permissions: [] } });
    await users.assignRole({ userId: person.id, roleName });
    const list = async (filter: object) => (await users.listUserIds({ filter: { query: word, ...filter } })).ids;
    expect(await list({ isApp: true })).toEqual([app.id]);
    expect(await list({ isApp: false })).toEqual([person.id]);
    expect(await list({ isSuspended: true })).toEqual([person.id]);
    expect(await list({ isSuspended: false })).toEqual([app.id]);
    expect(await list({ roleName })).toEqual([person.id]);
    expect(await list({ roleName: unique("none") })).toEqual([]);
    expect(await list({ externalIds: [app.externalId ?? "", "nobody's"] })).toEqual([app.id]);
    expect(await list({ isApp: true, roleName })).toEqual([]);
  });

  test("by when they joined, signed in and were seen; never is before everything", async ({ clients, db }) => {
    const { users } = clients[kind];
    const word = unique("when");
    const [early, late, never] = [
      await createUser(clients[kind], { name: word }),
      await createUser(clients[kind], { name: word }),
      await createUser(clients[kind], { name: word }),
    ];
    const times = [
      [early.id, new Date("2020-01-01T00:00:00Z")],
      [late.id, new Date("2024-01-01T00:00:00Z")],
    ] as const;
    for (const [id, time] of times) {
      await db.sql.updateTable("users").set({ date_joined: time }).where("id", "=", id).execute();
      await db.sql.insertInto("user_activity").values({ user_id: id, last_login: time, last_active: time }).execute();
    }
    const list = async (filter: object) => (await users.listUserIds({ filter: { query: word, ...filter } })).ids;
    const middle = at("2022-01-01T00:00:00Z");
    expect(await list({ joinedBefore: middle })).toEqual([early.id]);
    expect(await list({ joinedSince: middle })).toEqual([late.id, never.id]);
    expect(await list({ joinedSince: at("2024-01-01T00:00:00Z"), joinedBefore: at("2024-01-01T00:00:00.001Z") })).toEqual([late.id]);
    for (const [since, before] of [
      ["lastLoginSince", "lastLoginBefore"],
      ["lastActiveSince", "lastActiveBefore"],
    ] as const) {
      expect(await list({ [since]: middle })).toEqual([late.id]);
      expect(await list({ [before]: middle })).toEqual([early.id, never.id]);
      expect(await list({ [since]: at("2019-01-01T00:00:00Z"), [before]: at("2024-01-01T00:00:00Z") })).toEqual([early.id]);
    }
    const paged = await users.listUserIds({ filter: { query: word, lastActiveBefore: middle }, pageSize: 1 });
    expect(paged.ids).toEqual([early.id]);
    const rest = await users.listUserIds({
      filter: { query: word, lastActiveBefore: middle },
      pageSize: 1,
      pageToken: paged.nextPageToken,
    });
    expect(rest.ids).toEqual([never.id]);
    const changed = users.listUserIds({ filter: { query: word, lastActiveSince: middle }, pageSize: 1, pageToken: paged.nextPageToken });
    await expectRefusal(changed, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });
});
