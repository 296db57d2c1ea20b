import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { MemberRole } from "../../../src/gen/userd/v1/member_pb.ts";
import { toValue } from "../../../src/options/value.ts";
import { createAccount, createOrganization, createProfile, createUsers } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

const roles = [MemberRole.MEMBER, MemberRole.ADMIN, MemberRole.MANAGER];

/** Codes that a storm is allowed to show: the state or the plan is another one by now, or what is asked about is gone. */
const expected = new Set([Code.Aborted, Code.FailedPrecondition, Code.NotFound, Code.AlreadyExists]);

/** The rows that a merge moves, and that nothing else in the drill makes or removes. */
const accounted = ["user_email", "organization_member", "user_profile", "resource"] as const;

const countsOf = async (client: pg.Client): Promise<Readonly<Record<string, number>>> => {
  const counts = accounted.map((table) => `(select count(*)::int from ${table}) as ${table}`);
  const { rows } = await client.query(`select ${counts.join(", ")}`);
  return rows[0] as Record<string, number>;
};

/** What stands in the database that nobody accounts for. */
const unaccounted = async (client: pg.Client): Promise<readonly string[]> => {
  const checks: Readonly<Record<string, string>> = {
    "addresses, memberships or profiles of a user that was merged": `select 1 from users u where merged_into_user_id is not null and (
      exists (select from user_email where user_id = u.id) or exists (select from organization_member where user_id = u.id)
      or exists (select from user_profile where user_id = u.id))`,
    "merged users whose merge is not there": `select 1 from users u where merged_into_user_id is not null and not exists (
      select from user_merge m where m.user_id = u.id and m.undo_time is null)`,
    "merges that stand, of users that were not merged": `select 1 from user_merge m join users u on u.id = m.user_id
      where m.undo_time is null and u.merged_into_user_id is null`,
    "merged users that lead to merged ones": `select 1 from users u join users t on t.id = u.merged_into_user_id where t.merged_into_user_id is not null`,
    "primary addresses that are not the user's": `select 1 from users u where email <> '' and not exists (
      select from user_email e where e.user_id = u.id and e.email = u.email)`,
  };
  const found: string[] = [];
  for (const [what, query] of Object.entries(checks)) {
    const { rowCount } = await client.query(query);
    if (rowCount !== 0) found.push(`${rowCount} ${what}`);
  }
  return found;
};

/** Random merges and undos among 50 users, beside writers, deletes and undeletes. */
export const mergeStorm: Drill = {
  rows: [15],
  name: "merge-storm",
  about:
    "8 clients merge, undo, write, delete and undelete among 50 users; counts rows that nobody accounts for, and deadlocks and INTERNAL shown",
  isInShort: true,
  lastsForSomeTime: true,
  run: async ({ sharedFleet, lasts, stack, random }) => {
    const ms = lasts(8_000, 300_000);
    const { members, databaseUrl } = await sharedFleet();
    const all = connectClients(members, 8, stack);
    const [first] = all as [Clients, ...Clients[]];
    const users = (await createUsers(first, 50)).map(({ id }) => id);
    const organization = await createOrganization(first);
    const accounts = [await createAccount(first), await createAccount(first)];
    for (const [index, userId] of users.entries()) {
      if (index % 2 === 0)
        await first.organizations.addMember({ organizationId: organization.id, userId, role: roles[index % 3] ?? MemberRole.MEMBER });
      const profile = await createProfile(first, userId, accounts[index % 2]?.id ?? 0n);
      await first.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile.id, name: `of ${userId}` }] });
    }
    const client = new pg.Client(databaseUrl);
    await client.connect();
    stack.defer(() => client.end());
    const before = await countsOf(client);
    const codes: Record<string, number> = {};
    let [operations, imbalances, merges, undos, heirs] = [0, 0, 0, 0, 0];
    // A profile that was made for a target stays when it owns something of a third user's since.
    const countHeirs = (left: readonly { readonly table: string }[]) => {
      heirs += left.filter(({ table }) => table === "user_profile").length;
    };
    const pick = () => users[random.below(users.length)] ?? 0n;
    const step = async ({ users: service, options }: Clients): Promise<unknown> => {
      const [fromUserId, toUserId] = [pick(), pick()];
      const what = random.below(10);
      if (what < 3) {
        const { plan } = await service.planUserMerge({ fromUserId, toUserId });
        const merged = await service.mergeUsers({ fromUserId, toUserId, planEtag: plan?.etag ?? "" });
        merges += 1;
        imbalances += (merged.plan?.counts ?? []).filter((count) => count.before !== count.moved + count.kept + count.discarded).length;
        return merged;
      }
      if (what < 6) {
        const { notUndone } = await service.undoUserMerge({ fromUserId });
        undos += 1;
        countHeirs(notUndone);
        return notUndone;
      }
      if (what === 6) return service.deleteUser({ id: fromUserId });
      if (what === 7) return service.undeleteUser({ id: fromUserId });
      return options.setOption({ userId: fromUserId, key: `k${random.below(5)}`, value: toValue(random.below(1_000)) });
    };
    const end = Date.now() + ms;
    const run = async (one: Clients): Promise<void> => {
      while (Date.now() < end) {
        operations += 1;
        await step(one).catch((error: unknown) => {
          const code = error instanceof ConnectError ? error.code : Code.Unknown;
          // Merging into oneself is drawn now and then.
          if (code === Code.InvalidArgument) return;
          codes[Code[code]] = (codes[Code[code]] ?? 0) + (expected.has(code) ? 0 : 1);
        });
      }
    };
    await Promise.all(all.map(run));
    const shown = Object.entries(codes).filter(([, count]) => count > 0);
    const strange = await unaccounted(client);
    // What is merged at the end is undone, the last merges first: then everybody has again what was theirs.
    const { rows: open } = await client.query<{ user_id: string }>(
      "select user_id from user_merge where undo_time is null order by id desc",
    );
    await client.query("update users set delete_time = null, purge_time = null where merged_into_user_id is null");
    const left: string[] = [];
    for (const { user_id: id } of open) {
      const { notUndone } = await first.users.undoUserMerge({ fromUserId: BigInt(id) });
      countHeirs(notUndone);
      left.push(...notUndone.map(({ table, cause }) => `${table}: ${cause}`));
    }
    const after = await countsOf(client);
    const expectedOf = (table: string) => (before[table] ?? 0) + (table === "user_profile" ? heirs : 0);
    const lost = accounted
      .filter((table) => after[table] !== expectedOf(table))
      .map((table) => `${table} should have ${expectedOf(table)} rows and has ${after[table]}`);
    return {
      operations,
      faults: 0,
      figure: shown.reduce((sum, [, count]) => sum + count, 0) + imbalances + strange.length + lost.length,
      bound: 0,
      complaints: [...shown.map(([code, count]) => `${count} calls failed with ${code}`), ...strange, ...lost],
      besides: { merges, undos, notUndone: left.length },
    };
  },
};
