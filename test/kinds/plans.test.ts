import { sql } from "kysely";
import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import type { Database } from "../../src/db/orm.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createOrganization } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { plansOf } from "../support/plans.ts";
import { test } from "../support/service.ts";
import { callerOf } from "./maker.ts";

const [environments, releases] = ["environment", "release"].map((wanted) => kinds.find(({ name }) => name === wanted)) as [Kind, Kind];

/** Resources of each of two organizations: few enough that PostgreSQL hopes to meet a page of the second one among the first. */
const EACH = 5_000;

/** Makes two organizations with a number of resources each, and returns the second one. */
const fill = async (client: Clients, db: Database, kind: Kind, name: string): Promise<bigint> => {
  const [{ id: first }, { id: second }] = [await createOrganization(client), await createOrganization(client)];
  const table = sql.table(kind.table);
  for (const id of [first, second])
    await sql`insert into ${table} (organization_id, ${sql.ref(name)}) select ${id}::bigint, 'e' || n from generate_series(1, ${EACH}) n`.execute(
      db.sql,
    );
  await sql`analyze ${table}`.execute(db.sql);
  return second;
};

test("a page of a parent's resources does not walk through those of other parents", async ({ clients, databaseUrl, db }) => {
  const client = clients["grpc-js"];
  const second = await fill(client, db, environments, "name");
  const { call } = callerOf(client, environments);
  const page = { organizationId: second, pageSize: 50 };
  const { nextPageToken } = (await call("List", page)) as { nextPageToken: string };
  for (const pageToken of ["", nextPageToken]) {
    const [plan = ""] = await plansOf(databaseUrl, () => call("List", { ...page, pageToken }));
    expect(plan).toMatch(/ Limit\n +-> +Index Scan using environment_organization_index /);
  }
});

test("a page with a filter begins with the parent, and takes the index of a field that finds few", async ({ clients, databaseUrl, db }) => {
  const client = clients["grpc-js"];
  const organizationId = await fill(client, db, releases, "version");
  const { call } = callerOf(client, releases);
  for (const [query, index] of [
    [{ filter: "status == RELEASE_STATUS_OPEN && commit_count < 10" }, "organization_index"],
    [{ filter: "status == RELEASE_STATUS_OPEN", orderBy: "id desc" }, "organization_index"],
    [{ filter: "id > 1" }, "organization_index"],
    [{ filter: 'version == "e7"' }, "version_key"],
    [{ filter: "status == RELEASE_STATUS_ARCHIVED" }, "organization_id_status_create_time_index"],
  ] as const) {
    const page = { organizationId, pageSize: 50, ...query };
    const { nextPageToken } = (await call("List", page)) as { nextPageToken: string };
    for (const pageToken of nextPageToken === "" ? [""] : ["", nextPageToken]) {
      const [plan = ""] = await plansOf(databaseUrl, () => call("List", { ...page, pageToken }));
      expect([query, plan]).toEqual([query, expect.stringMatching(new RegExp(` using release_${index} on release r\n`))]);
    }
  }
});
