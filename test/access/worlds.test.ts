import fc from "fast-check";
import { sql } from "kysely";
import pLimit from "p-limit";
import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import type { Database } from "../../src/db/orm.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { kinds } from "../../src/schema/entities.ts";
import { callerOf, type Shown } from "../kinds/maker.ts";
import { actingAs } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { type ModelProfile, type ModelUser, mayAccess } from "./naive-access.ts";
import { createThings, ownersInScope } from "./scope-in-sql.ts";
import { policyNames, test } from "./services.ts";

/** Accounts of a world besides the platform account, which all worlds of a batch share. */
const ACCOUNTS = 3;
const USERS = 4;
const WORLDS = 100;
const BATCHES = 10;

const rarely = fc.integer({ min: 0, max: 5 }).map((drawn) => drawn === 0);

const user: fc.Arbitrary<ModelUser> = fc.record({
  isActive: rarely.map((is) => !is),
  isSuspended: rarely,
  isDeleted: rarely,
  isStaff: fc.boolean(),
  isSuperuser: rarely,
  accounts: fc.uniqueArray(fc.integer({ min: 0, max: ACCOUNTS }), { maxLength: 3 }),
});

const question = fc.record({
  asking: fc.nat(USERS - 1),
  relation: fc.constantFrom("read" as const, "own" as const),
  seenFrom: fc.option(fc.integer({ min: 0, max: ACCOUNTS }), { nil: undefined }),
});

const world = fc.record({ users: fc.array(user, { minLength: USERS, maxLength: USERS }), question });
const batch = fc.record({ worlds: fc.array(world, { minLength: WORLDS, maxLength: WORLDS }), hasPlatform: fc.boolean() });

type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never;

const relationOf = { read: AccessRelation.READ, own: AccessRelation.OWN } as const;

/** A stored profile, and who it is in the model: users and accounts of all worlds of a batch are numbered through. */
type Stored = ModelProfile & { readonly id: bigint };

/** Ids that no sequence reaches, and no other batch has. */
const idsFrom = (number: number) => {
  const first = BigInt(1_000_000 * (number + 1));
  return {
    ofUser: (worldIndex: number, index: number) => first + BigInt(worldIndex * USERS + index),
    ofAccount: (worldIndex: number, account: number) => (account === 0 ? first : first + BigInt(1 + worldIndex * ACCOUNTS + account)),
    ofProfile: (index: number) => first + BigInt(index),
  };
};

/** Stores a batch by SQL, with the triggers that every write has: through the API it would take minutes. */
const store = async (db: Database, { worlds, hasPlatform }: Batch, number: number) => {
  const { ofUser, ofAccount, ofProfile } = idsFrom(number);
  const users = worlds.flatMap(({ users }, worldIndex) => users.map((user, index) => ({ id: ofUser(worldIndex, index), ...user })));
  const accounts = new Set(worlds.flatMap((_, worldIndex) => [0, 1, 2, 3].map((account) => ofAccount(worldIndex, account))));
  const profiles = worlds.flatMap(({ users }, worldIndex) =>
    users.flatMap(({ accounts }, index) =>
      accounts.map((account) => ({
        worldIndex,
        user: index,
        account,
        userId: ofUser(worldIndex, index),
        accountId: ofAccount(worldIndex, account),
      })),
    ),
  );
  const json = (rows: readonly object[]) => JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? String(value) : value));
  await sql`update account set is_platform = false where is_platform`.execute(db.sql);
  await sql`
    insert into users (id, username, username_canonical, is_active, is_suspended, is_staff, is_superuser, delete_time, purge_time)
    select id, id, id, "isActive", "isSuspended", "isStaff", "isSuperuser",
      case when "isDeleted" then now() end, case when "isDeleted" then 'infinity'::timestamptz end
    from jsonb_to_recordset(${json(users)}::jsonb) as u (id bigint, "isActive" boolean, "isSuspended" boolean, "isStaff" boolean,
      "isSuperuser" boolean, "isDeleted" boolean)`.execute(db.sql);
  await sql`
    insert into account (id, number, is_platform)
    select id, regexp_replace(lpad(id::text, 12, '0'), '(.{4})(.{4})(.{4})', '\\1-\\2-\\3'), id = ${ofAccount(0, 0)} and ${hasPlatform}
    from unnest(${[...accounts].map(String)}::bigint[]) id`.execute(db.sql);
  await sql`
    insert into user_profile (id, user_id, account_id) select ${ofProfile(0)}::bigint + n - 1, u, a
    from unnest(${profiles.map(({ userId }) => String(userId))}::bigint[], ${profiles.map(({ accountId }) => String(accountId))}::bigint[])
      with ordinality as p (u, a, n)`.execute(db.sql);
  await sql`
    insert into resource (kind, owner_profile_id, account_id, name)
    select ${`batch-${number}`}, id, account_id, 'x' from user_profile where id >= ${ofProfile(0)} order by id`.execute(db.sql);
  // A plugin has the id of its owner.
  await sql`insert into plugin (id, owner_profile_id, name) select id, id, 'x' from user_profile where id >= ${ofProfile(0)}`.execute(
    db.sql,
  );
  return profiles.map(({ worldIndex, user, account }, index) => ({ worldIndex, user, account, id: ofProfile(index) }));
};

/** The profiles that a world sees: its own, and everybody's in the platform account. Users of other worlds come after its own. */
const visible = (worlds: Batch["worlds"], stored: readonly (Stored & { worldIndex: number })[], worldIndex: number) => {
  const users = [...(worlds[worldIndex]?.users ?? [])];
  const owners = stored.flatMap((profile): Stored[] => {
    if (profile.worldIndex === worldIndex) return [profile];
    const other = worlds[profile.worldIndex]?.users[profile.user];
    if (other === undefined) return [];
    // An account of another world is one that nobody here is in.
    return [{ id: profile.id, user: users.push(other) - 1, account: profile.account === 0 ? 0 : -1 }];
  });
  return { users, owners };
};

const CHECKS = 1_000;

/** Worlds that are asked about at once: all of them would wait longer for a connection than the pool lets them. */
const atOnce = pLimit(8);

const plugin = kinds.find(({ name }) => name === "plugin") as Kind;

/** Worlds are made behind the back of the service, so that it hears of the new platform account within the bound only. */
const consistency = { mode: { case: "fullyConsistent" as const, value: true } };

const checkAll = async ({ profiles }: Clients, checks: readonly { userId: bigint; relation: AccessRelation; owner: bigint }[]) => {
  const answers: boolean[] = [];
  for (let first = 0; first < checks.length; first += CHECKS) {
    const { results } = await profiles.batchCheckAccess({
      consistency,
      checks: checks
        .slice(first, first + CHECKS)
        .map(({ userId, relation, owner }) => ({ userId, relation, target: { case: "ownerProfileId", value: owner } })),
    });
    answers.push(...results.map(({ allowed }) => allowed));
  }
  return answers;
};

let number = 0;

test("P9 P10 P12 1,000 random worlds get the answers of the model, by checks, scopes in SQL, lists, and plugins", {
  timeout: 240_000,
}, async ({ policies, db }) => {
  await fc.assert(
    fc.asyncProperty(batch, async (drawn) => {
      const { worlds, hasPlatform } = drawn;
      const current = number++;
      const stored = await store(db, drawn, current);
      await createThings(db);
      const { ofUser, ofAccount } = idsFrom(current);
      const isOfBatch = new Set(stored.map(({ id }) => id));
      for (const policy of policyNames) {
        const clients = policies[policy];
        // Every user of every world, every owner of its own world: each pair, both relations.
        const pairs = worlds.flatMap(({ users }, worldIndex) =>
          stored
            .filter((owner) => owner.worldIndex === worldIndex)
            .flatMap((owner) =>
              users.flatMap((_, asking) => (["read", "own"] as const).map((relation) => ({ users, worldIndex, owner, asking, relation }))),
            ),
        );
        const answers = await checkAll(
          clients,
          pairs.map(({ worldIndex, asking, relation, owner }) => ({
            userId: ofUser(worldIndex, asking),
            relation: relationOf[relation],
            owner: owner.id,
          })),
        );
        const expected = pairs.map(({ users, asking, relation, owner }) => mayAccess(users, policy, relation, asking, owner, hasPlatform));
        expect(answers).toEqual(expected);

        // One user of each world against all owners there are, of other worlds too.
        await atOnce.map(worlds, async ({ question: { asking, relation, seenFrom } }, worldIndex) => {
          const { users, owners } = visible(worlds, stored, worldIndex);
          const seen = (from?: number) =>
            owners.filter((owner) => mayAccess(users, policy, relation, asking, owner, hasPlatform, from)).map(({ id }) => id);
          const request = { userId: ofUser(worldIndex, asking), relation: relationOf[relation] };
          const accountId = seenFrom === undefined ? 0n : ofAccount(worldIndex, seenFrom);
          const scope = await clients.profiles.getAccessScope({ ...request, accountId, consistency });
          expect((await ownersInScope(db, scope)).filter((id) => isOfBatch.has(id))).toEqual(seen(seenFrom));
          const { resources } = await clients.profiles.listResources({
            ...request,
            kind: `batch-${current}`,
            pageSize: 1_000,
            consistency,
          });
          expect(resources.map(({ ownerProfileId }) => ownerProfileId)).toEqual(seen());
          const { call } = callerOf(clients, plugin);
          const idsOf = async (answer: Promise<object>) =>
            ((await answer) as { readonly plugins: readonly Shown[] }).plugins.map(({ id }) => id);
          const read = owners.filter((owner) => mayAccess(users, policy, "read", asking, owner, hasPlatform)).map(({ id }) => id);
          const all = owners.map(({ id }) => id);
          const acting = call("BatchGet", { ids: all }, actingAs(request.userId));
          const { isActive, isSuspended, isDeleted } = users[asking] as ModelUser;
          if (isActive && !isSuspended && !isDeleted) expect(await idsOf(acting)).toEqual(read);
          else await expectRefusal(acting, "PermissionDenied", "ACTING_USER_NOT_PRESENT");
          for (const { id: ownerProfileId } of owners.filter((owner) => owner.account >= 0).slice(0, 3)) {
            const owned = seen().filter((id) => id === ownerProfileId);
            const asked = { asUserId: request.userId, relation: request.relation };
            expect(await idsOf(call("List", { ownerProfileId, ...asked }))).toEqual(owned);
          }
        });
      }
    }),
    { numRuns: BATCHES, endOnFailure: true },
  );
});
