import { sql } from "kysely";
import { emails } from "../readers/sentry-useremail.ts";
import { users } from "../readers/user-staging.ts";
import { addGiven, isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { resolveUsers, skipOfJoined, skipUsersHere } from "./references.ts";
import { assignIds, insertRows, keepAbsent, matchRows, updateRows } from "./rows.ts";
import { indexUsers } from "./search.ts";
import { skipRepeated } from "./skip.ts";
import type { Target } from "./target.ts";

const target: Target = {
  staging: emails,
  key: ["user_id", "email_canonical"],
  columns: { email: "null", is_verified: "false", date_added: "now()", verification_hash: "null", verification_hash_time: "null" },
};

const match = "t.user_id = s.user_id and t.email_canonical = s.email_canonical";

const columnsOf = (alias: string) =>
  `row(${Object.keys(target.columns)
    .map((name) => `${alias}.${name}`)
    .join(", ")})`;

const differs = `${columnsOf("s")} is distinct from ${columnsOf("t")}`;

/** Sets the primary address of users whose own record has none: the address that another record of the file marks as primary. */
export const namePrimary = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, emails) || (await tx.row(sql`select from import_email where is_primary limit 1`)) === undefined) return;
  for (const owner of ["u.pk = e.user_pk", "u.natural_name = e.user_name"]) {
    await tx.rows(
      sql.raw(`
      update import_user u set email = e.email, email_canonical = e.email_canonical, absent = array_remove(array_remove(u.absent, 'email'), 'email_canonical')
      from import_email e where e.is_primary and coalesce(u.email_canonical, '') = '' and ${owner}`),
    );
    await tx.rows(
      sql.raw(`
      insert into import_note (model, record, pk, reason)
      select e.model, e.record, e.pk, 'marked as the primary address, but the user has another one, which stays'
      from import_email e join import_user u on ${owner} where e.is_primary and u.email_canonical <> e.email_canonical`),
    );
  }
};

/** The primary address of a user is also one of its addresses: where neither file nor database say so, it becomes one. */
const addImplied = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, users)) return;
  const added = await tx.affected(
    sql.raw(`
    with implied as (
      insert into import_email (model, record, user_id, email, email_canonical, is_verified, absent, is_implied)
      select s.model, s.record, s.id, s.email, s.email_canonical, false, '{}', true
      from (select i.*, i.id as user_id from import_user i) s
      where s.email_canonical <> '' and not s.is_joined
        and not exists (select from import_email t where ${match}) and not exists (select from user_email t where ${match})
      returning model, record, user_id
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, user_id, 'the primary address was added to the addresses, unverified', format('user %s', user_id) from implied`),
  );
  addGiven(tx, emails, added);
};

const VERIFIED_TWICE = "unverified: the address is verified for another user, who keeps it";

/**
 * Of several users who have verified an address one keeps it (U3): the one who has it here, from whom no file takes it, else the one with
 * the lowest id. It uses the rows as they will be stored: an address that the file unverifies is free.
 */
const settleVerified = (tx: ImportTx) =>
  tx.rows(sql`
    with holder as (
      select s.email_canonical, s.user_id, exists (select from user_email t where ${sql.raw(match)} and t.is_verified) as is_here
      from import_email s where s.is_verified
      union all
      select t.email_canonical, t.user_id, true from user_email t
      where t.is_verified and t.email_canonical in (select email_canonical from import_email where is_verified)
        and not exists (select from import_email s where ${sql.raw(match)})
    ), keeper as (
      select distinct on (email_canonical) email_canonical, user_id from holder order by email_canonical, is_here desc, user_id
    ), lost as (
      update import_email s set is_verified = false from keeper k
      where s.is_verified and k.email_canonical = s.email_canonical and k.user_id <> s.user_id
      returning s.model, s.record, s.pk, s.user_id, k.user_id as keeper
    )
    insert into import_note (model, record, pk, reason, about)
    select model, record, pk, ${VERIFIED_TWICE}, format('user %s; user %s keeps it', user_id, keeper) from lost`);

/** A token verifies one address: of several with the same one the lowest pk keeps it, and nobody takes one that is in use here. */
const settleTokens = (tx: ImportTx) =>
  tx.rows(
    sql.raw(`
    with lost as (update import_email s set verification_hash = null, verification_hash_time = null
    where s.verification_hash is not null and (
      s.record in (
        select record from (
          select record, row_number() over (partition by verification_hash order by pk, record) as position
          from import_email where verification_hash is not null
        ) ranked where position > 1
      ) or exists (select from user_email t where t.verification_hash = s.verification_hash and not (${match})))
    returning s.model, s.record, s.pk)
    insert into import_note (model, record, pk, reason)
    select model, record, pk, 'its validation token is that of another address too, which keeps it: this one has none' from lost`),
  );

/** Finds the user of each staged address, skips addresses that can't be stored, and adds primary addresses that are missing. */
export const matchEmails = async (tx: ImportTx): Promise<void> => {
  await resolveUsers(tx, emails);
  // A verified address lets somebody in: an account here gets none from a file that it is joined with.
  await skipOfJoined(tx, emails, "its user joined an account here, which keeps its addresses");
  await skipUsersHere(tx, emails);
  await skipRepeated(
    tx,
    emails,
    "the user has the address twice: a verified one stands, else the highest pk",
    "user_id, email_canonical",
    "is_verified desc nulls last, pk desc",
  );
  await keepAbsent(tx, target, match);
  if (isGiven(tx, emails)) await settleTokens(tx);
  await addImplied(tx);
};

/** Writes the addresses, first those that lose their verification, since an address can be verified for only one user at a time. */
export const writeEmails = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, users) && !isGiven(tx, emails)) return;
  await matchRows(tx, target, match);
  await settleVerified(tx);
  // An address that has lost its verification just now may be as it is here.
  await tx.rows(
    sql.raw(`
    update import_email s set outcome = case when ${differs} then 'updated' else 'unchanged' end from user_email t where t.id = s.id and s.outcome is not null`),
  );
  await assignIds(tx, target);
  await updateRows(tx, target, "not s.is_verified");
  await updateRows(tx, target, "s.is_verified");
  await insertRows(tx, target);
  await indexUsers(tx);
};

/**
 * Adds a note for each username that is an address of another user. An import keeps such usernames; the API refuses them (U2 in
 * docs/behaviours.md).
 */
export const noteAmbiguous = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, users) && !isGiven(tx, emails)) return;
  await tx.rows(sql`insert into import_note (model, record, pk, reason, about)
    select (array_agg(model order by record))[1], min(record), user_id, 'the username is an address of another user', format('user %s; user %s', user_id, other)
    from (
      select s.model, s.record, s.id as user_id, e.user_id as other from import_user s join user_email e on e.email_canonical = s.username_canonical and e.user_id <> s.id
      union all
      select s.model, s.record, u.id, s.user_id from import_email s join users u on u.username_canonical = s.email_canonical and u.id <> s.user_id
    ) pairs group by user_id, other`);
};
