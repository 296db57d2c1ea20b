import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { AccessRule } from "../../src/gen/userd/v1/access_pb.ts";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import type { ResourceRef } from "../../src/gen/userd/v1/resource_pb.ts";
import type { Bench, Prepared, Row } from "../bench.ts";
import { seedAccount } from "./access.ts";
import { prepareRead } from "./read.ts";

const members = 100;
const kind = "bench_check";

/** Longer than the bound: what is asked for is made behind the back of the service. */
const forgottenMs = 3_000;

/** A resource of the admin of the account, for each of its members. */
const register = async (url: string, ownerProfileId: bigint): Promise<readonly { readonly id: bigint; readonly name: string }[]> => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(
    `insert into resource (owner_profile_id, account_id, kind, name)
      select p.id, p.account_id, $2, 'bench ' || n from user_profile p, generate_series(1, $3::int) n where p.id = $1
      on conflict do nothing`,
    [String(ownerProfileId), kind, members],
  );
  await client.query("analyze resource");
  const { rows } = await client.query<{ id: string; name: string }>("select id, name from resource where kind = $1 order by id", [kind]);
  await client.end();
  return rows.map(({ id, name }) => ({ id: BigInt(id), name }));
};

const prepare = async (bench: Bench, by: "id" | "key"): Promise<Prepared> => {
  const userIds = bench.seed.userIds.slice(0, members);
  const { profileIds } = await seedAccount(bench.service.databaseUrl, userIds);
  const ownerProfileId = profileIds[0] ?? 0n;
  const resources = await register(bench.service.databaseUrl, ownerProfileId);
  await delay(forgottenMs);
  const requests = userIds.slice(1).map((userId, index) => {
    const { id = 0n, name = "" } = resources[index] ?? {};
    const ref = by === "id" ? { case: "id" as const, value: id } : { case: "key" as const, value: { kind, ownerProfileId, name } };
    return { userId, target: { case: "resource" as const, value: { ref } as Pick<ResourceRef, "ref"> } };
  });
  return prepareRead(bench, {
    method: ProfileService.method.checkAccess,
    shape: { connections: 4, streams: 25 },
    requests,
    check: ({ allowed, rule }) => assert.deepEqual([allowed, rule], [true, AccessRule.ACCOUNT_ADMIN]),
  });
};

/** CheckAccess: a regular user reads a resource of the admin of its account, which the request names by its id. */
export const checkAccessResource: Row = {
  name: "check_access_resource",
  yardstick: "bare grpc-js, same bytes",
  goal: { atLeast: 0.85 },
  valuesPerCall: 1,
  prepare: (bench) => prepare(bench, "id"),
};

/** The same by kind, owner and name. */
export const checkAccessResourceKey: Row = {
  name: "check_access_resource_key",
  yardstick: "bare grpc-js, same bytes",
  goal: { atLeast: 0.85 },
  valuesPerCall: 1,
  prepare: (bench) => prepare(bench, "key"),
};
