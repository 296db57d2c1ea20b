import { sql } from "kysely";
import { expect } from "vitest";
import { kinds } from "../../src/schema/entities.ts";
import { test } from "../support/service.ts";
import { local } from "./asking.ts";
import { makerOf } from "./maker.ts";

const deploy = kinds.find(({ name }) => name === "deploy") as (typeof kinds)[number];

test("a list has its count on the first page, when it is asked for: exactly up to 10,000, and then as an estimate", async ({
  clients,
  db,
}) => {
  const maker = await makerOf(clients["grpc-js"], deploy);
  const ask = async (query: object) => {
    const { totalSize, totalSizeIsEstimate, nextPageToken } = await maker.call("List", {
      [local(deploy.parent)]: maker.parentId,
      ...query,
    });
    return { totalSize, totalSizeIsEstimate, nextPageToken };
  };
  expect(await ask({ count: true })).toMatchObject({ totalSize: 0n, totalSizeIsEstimate: false });
  await maker.create({ name: "first" });
  const add = (count: number) =>
    sql`insert into deploy (organization_id, release_id, name)
        select ${maker.organizationId}, ${maker.parentId}, 'more' from generate_series(1, ${count}::int)`.execute(db.sql);
  await add(9_999);
  expect(await ask({})).toMatchObject({ totalSize: undefined, totalSizeIsEstimate: false });
  const first = await ask({ count: true, pageSize: 1 });
  expect(first).toMatchObject({ totalSize: 10_000n, totalSizeIsEstimate: false });
  const second = await ask({ count: true, pageSize: 1, pageToken: first.nextPageToken });
  expect(second).toMatchObject({ totalSize: undefined, totalSizeIsEstimate: false });
  expect(await ask({ count: true, filter: 'name == "first"' })).toMatchObject({ totalSize: 1n, totalSizeIsEstimate: false });
  await add(20_000);
  await sql`analyze deploy`.execute(db.sql);
  const { totalSize, totalSizeIsEstimate } = await ask({ count: true, filter: 'name != "first"' });
  expect(totalSizeIsEstimate).toBe(true);
  expect(Number(totalSize)).toBeGreaterThan(10_000);
  expect(Number(totalSize)).toBeLessThan(1_000_000);
});
