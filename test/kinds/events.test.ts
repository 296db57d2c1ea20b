import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { expect } from "vitest";
import { kinds } from "../../src/schema/entities.ts";
import { actingAs, createUser } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { get } from "./asking.ts";
import { callerOf, makerOf } from "./maker.ts";

const kindOf = (name: string) => kinds.find((kind) => kind.name === name) as (typeof kinds)[number];

const at = (minute: number) => timestampFromDate(new Date(Date.UTC(2026, 0, 1, 0, minute)));

/** Appends events of one project to groups. */
const append = (client: Clients, projectId: bigint, events: readonly (readonly [groupId: bigint | undefined, minute: number])[]) =>
  callerOf(client, kindOf("event")).call("Append", {
    events: events.map(([groupId, minute]) => ({ projectId, groupId, eventTime: at(minute) })),
  });

test("a group counts its events, and knows its first and last one, without a version and a trail", async ({ clients, db }) => {
  const client = clients["grpc-js"];
  const maker = await makerOf(client, kindOf("group"));
  const times = { timesSeen: 0n, firstSeenTime: at(30), lastSeenTime: at(30) };
  const [first, second] = [await maker.create(times), await maker.create(times)];
  const stranger = await (await makerOf(client, kindOf("group"))).create(times);
  const state = async () => [
    (
      await sql`select kind, version from aggregate_version where kind in ('organization', 'kinds:organization') and id = ${maker.organizationId} order by kind`.execute(
        db.sql,
      )
    ).rows,
    (await sql`select id from changes where key = ${String(first.id)} and kind = 'groups'`.execute(db.sql)).rows,
  ];
  const before = await state();
  const { parentId } = maker;
  await append(client, parentId, [
    [first.id, 20],
    [first.id, 40],
    [second.id, 50],
    [undefined, 1],
    [stranger.id, 1],
  ]);
  await Promise.all([
    append(client, parentId, [
      [first.id, 25],
      [second.id, 35],
    ]),
    append(client, parentId, [
      [second.id, 36],
      [first.id, 26],
    ]),
  ]);
  expect(await get(maker, first.id)).toEqual({ ...first, timesSeen: 4n, firstSeenTime: at(20), lastSeenTime: at(40) });
  expect(await get(maker, second.id)).toEqual({ ...second, timesSeen: 3n, lastSeenTime: at(50) });
  // What another project counts is its own affair.
  expect(await get(maker, stranger.id)).toEqual(stranger);
  expect(await state()).toEqual(before);
});

test("events are listed by their group, in the order of their times, and stay when it is purged", async ({ clients }) => {
  const client = clients["grpc-js"];
  const maker = await makerOf(client, kindOf("group"));
  const { id } = await maker.create();
  const { ids } = await append(client, maker.parentId, [
    [id, 3],
    [undefined, 2],
    [id, 1],
  ]);
  const [third, , first] = ids as bigint[];
  const list = async () => {
    const { events } = await callerOf(client, kindOf("event")).call("List", {
      projectId: maker.parentId,
      filter: `group_id == ${id}`,
      orderBy: "event_time",
    });
    return (events as { id: bigint }[]).map((event) => event.id);
  };
  expect(await list()).toEqual([first, third]);
  await maker.call("Purge", { id });
  expect(await list()).toEqual([first, third]);
});

test("an event without a project is appended and seen by superusers alone, where users act", async ({ clients }) => {
  const client = clients["grpc-js"];
  const [superuser, user] = [await createUser(client, { isSuperuser: true }), await createUser(client)];
  const { call } = callerOf(client, kindOf("event"));
  const { ids } = await call("Append", { events: [{ eventId: crypto.randomUUID().replaceAll("-", "") }] }, actingAs(superuser.id));
  const request = { key: { case: "id", value: (ids as bigint[])[0] } };
  expect((await call("Get", request, actingAs(superuser.id)))["event"]).toMatchObject({ organizationId: 0n });
  await expectRefusal(call("Get", request, actingAs(user.id)), "NotFound", "RESOURCE_NOT_FOUND");
  const refused = await expectRefusal(call("Append", { events: [{}] }, actingAs(user.id)), "NotFound", "REFERENCE_NOT_FOUND");
  expect(refused.fields).toEqual(["events[0].project_id"]);
});

test("events keep texts that mean something else in an array of PostgreSQL", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { parentId: projectId } = await makerOf(client, kindOf("group"));
  const { call } = callerOf(client, kindOf("event"));
  const texts = ["NULL", "", " ", '"', "\\", "\\x41", "{a,b}", "a\r\n\tb", "Ärger 🙂"];
  const { ids } = await call("Append", { events: texts.map((message) => ({ projectId, message })) });
  const { events } = await call("BatchGet", { ids });
  expect((events as readonly { readonly message: string }[]).map(({ message }) => message)).toEqual(texts);
});
