import { sql } from "kysely";
import { expect } from "vitest";
import { kinds } from "../../src/schema/entities.ts";
import { createOrganization } from "../support/build.ts";
import { plansOf } from "../support/plans.ts";
import { test } from "../support/service.ts";
import { callerOf } from "./maker.ts";

const environments = kinds.find(({ name }) => name === "environment") as (typeof kinds)[number];

/** Environments of each of two organizations: few enough that PostgreSQL hopes to meet a page of the second one among the first. */
const EACH = 5_000;

test("a page of a parent's resources does not walk through those of other parents", async ({ clients, databaseUrl, db }) => {
  const client = clients["grpc-js"];
  const [{ id: first }, { id: second }] = [await createOrganization(client), await createOrganization(client)];
  for (const id of [first, second])
    await sql`insert into environment (organization_id, name) select ${id}::bigint, 'e' || n from generate_series(1, ${EACH}) n`.execute(
      db.sql,
    );
  await sql`analyze environment`.execute(db.sql);
  const { call } = callerOf(client, environments);
  const page = { organizationId: second, pageSize: 50 };
  const { nextPageToken } = (await call("List", page)) as { nextPageToken: string };
  for (const pageToken of ["", nextPageToken]) {
    const [plan = ""] = await plansOf(databaseUrl, () => call("List", { ...page, pageToken }));
    expect(plan).toMatch(/ Limit\n +-> +Index Scan using environment_organization_index /);
  }
});
