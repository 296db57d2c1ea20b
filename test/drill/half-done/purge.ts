import { randomUUID } from "node:crypto";
import type pg from "pg";
import { createReceipts } from "../../../src/lifecycle/erasure/receipts.ts";
import { createOrganization, createProject, createUser, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { SECRET_KEY } from "../../support/userd.ts";
import { clientsOf, commitOf, killDuring } from "../kill.ts";
import { type Failpoint, patient } from "./failpoint.ts";

/** The receipts of the services that are killed. */
export const receipts = createReceipts(Buffer.from(SECRET_KEY, "base64"), undefined);

const { subjectOf } = receipts;

/** Users who are half there, and those without exactly one receipt who are gone. */
export const wronglyErased = async (
  client: pg.Client,
  ids: readonly bigint[],
): Promise<{ readonly wrong: number; readonly left: number }> => {
  const { rows } = await client.query<{ users: number; emails: number; options: number; receipts: number }>(
    `select (select count(*)::int from users where id = w.id) as users, (select count(*)::int from user_email where user_id = w.id) as emails,
      (select count(*)::int from user_option where user_id = w.id) as options, (select count(*)::int from erasure e where e.subject = w.subject) as receipts
     from unnest($1::bigint[], $2::text[]) w (id, subject)`,
    [ids.map(String), ids.map((id) => subjectOf({ kind: "user", id }))],
  );
  const wrong = rows.filter((row) => new Set([row.users, row.emails, row.options, 1 - row.receipts]).size !== 1).length;
  return { wrong, left: rows.reduce((sum, { users }) => sum + users, 0) };
};

/** A purge of a user that is killed at its commit. */
export const purge: Failpoint = async ({ member, client }, moment) => {
  const own = clientsOf(member);
  const user = await createUser(own);
  await own.options.setOption({ userId: user.id, key: "k", value: value(1) });
  const killed = await killDuring(member, commitOf(1, "UserService/PurgeUser"), moment, () =>
    own.users.purgeUser({ id: user.id, requestId: randomUUID() }, patient),
  );
  const { wrong, left } = await wronglyErased(client, [user.id]);
  if (left > 0) await clientsOf(member).users.purgeUser({ id: user.id }, patient);
  const end = await wronglyErased(client, [user.id]);
  const complaints = [
    ...(wrong + end.wrong > 0 ? ["a user is half erased"] : []),
    ...(killed.isAcknowledged && left > 0 ? ["an erasure that was acknowledged is lost"] : []),
    ...(end.left > 0 ? ["a purge did not go on after the kill"] : []),
  ];
  return { kills: [killed], complaints };
};

/** A purge of an organization that is killed at its commit: all of it is there and has no receipt, or nothing of it is left and has one. */
export const organizationPurge: Failpoint = async ({ member, client }, moment) => {
  const own = clientsOf(member);
  const user = await createUser(own);
  const { id } = await createOrganization(own, {}, user.id);
  await createProject(own, id);
  await own.options.setOption({ userId: user.id, organizationId: id, key: "k", value: value(1) });
  const stateOf = async (): Promise<readonly number[]> => {
    const { rows } = await client.query<{ state: number[] }>(
      `select array[(select count(*)::int from organization where id = $1), (select count(*)::int from project where organization_id = $1),
        (select count(*)::int from organization_member where organization_id = $1),
        (select count(*)::int from user_option where scope_kind = 1 and scope_id = $1),
        (select 1 - count(*)::int from erasure where subject = $2)] as state`,
      [String(id), subjectOf({ kind: "organization", id })],
    );
    return rows[0]?.state ?? [];
  };
  const purgeIt = ({ organizations }: Clients) => organizations.purgeOrganization({ id, requestId: randomUUID() }, patient);
  const killed = await killDuring(member, commitOf(1, "/PurgeOrganization"), moment, () => purgeIt(own));
  const after = await stateOf();
  const isLeft = after[0] === 1;
  if (isLeft) await purgeIt(clientsOf(member));
  const complaints = [
    ...(new Set(after).size === 1 ? [] : [`an organization is half erased: ${after.join(", ")}`]),
    ...(killed.isAcknowledged && isLeft ? ["an erasure of an organization that was acknowledged is lost"] : []),
    ...((await stateOf()).some((count) => count !== 0) ? ["a purge of an organization did not go on after the kill"] : []),
  ];
  return { kills: [killed], complaints };
};
