import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { createAccount, createOrganization, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { runUserd } from "../support/userd.ts";

/** The form of earlier versions: lower case after NFC. */
const old = (name: string): string => name.normalize("NFC").toLowerCase();

/** Gives rows the form that an earlier version would have stored. */
const age = async (db: Database, table: string, spelling: string, form: string, names: readonly string[]) => {
  for (const name of names) {
    await sql`update ${sql.table(table)} set ${sql.ref(form)} = ${old(name)} where ${sql.ref(spelling)} = ${name}`.execute(db.sql);
  }
};

const names = (command: string, databaseUrl: string) => runUserd(["names", command], { settings: { DATABASE_URL: databaseUrl } });

test("userd names recomputes what an earlier version has stored, beside a running service, and nothing while names collide", {
  timeout: 180_000,
}, async ({ clients, db, databaseUrl }) => {
  const { users, profiles, organizations } = clients["grpc-js"];
  const word = unique("x");
  const [username, email] = [`ΚΏΣΤΑΣ${word}ΛΌΓΟΣ`, `${word}@xn--mnchen-3ya.de`];
  const user = await createUser(clients["grpc-js"], { username, email, name: "ΛΌΓΟΣ" });
  const plain = await createUser(clients["grpc-js"], { username: `${word}plain` });
  const { id: accountId } = await createAccount(clients["grpc-js"], { tags: ["ΛΌΓΟΣ", "Straße", "strasse", word] });
  await profiles.addAccountContact({ accountId, contact: { email } });
  const { id: organizationId } = await createOrganization(clients["grpc-js"]);
  const invited = `${word}2@xn--mnchen-3ya.de`;
  await organizations.inviteMember({ organizationId, email: invited, role: 1 });

  await age(db, "users", "username", "username_canonical", [username]);
  await age(db, "users", "name", "name_canonical", ["ΛΌΓΟΣ"]);
  await age(db, "user_email", "email", "email_canonical", [email]);
  await age(db, "account_contact", "email", "email_canonical", [email]);
  await age(db, "organization_member", "email", "email_canonical", [invited]);
  await sql`update account set tags_canonical = ${["λόγος", "straße", "strasse", word]}::text[] where id = ${accountId}`.execute(db.sql);
  const lookUp = async () => {
    const spelled = [`κώστας${word}λόγος`, `${word}@münchen.de`.toUpperCase()] as const;
    const keys = [{ key: { case: "username" as const, value: spelled[0] } }, { key: { case: "email" as const, value: spelled[1] } }];
    return (await users.lookupUsers({ keys })).results.map(({ status }) => status);
  };
  // What is not found is cached, too.
  expect(await lookUp()).toEqual([LookupStatus.NOT_FOUND, LookupStatus.NOT_FOUND]);

  // Somebody has taken the new form meanwhile.
  const rival = await createUser(clients["grpc-js"], { username: `Κώστας${word}λόγος` });
  const refused = { code: 3, stderr: expect.stringMatching(/^userd: 1 name would belong to several; nothing was changed\./) };
  const collision = `one username: user ${user.id}, user ${rival.id}`;
  const [checked, applied] = [await names("check", databaseUrl), await names("apply", databaseUrl)];
  expect(checked).toMatchObject({ ...refused, stdout: expect.stringContaining("tag of an account: 1\n") });
  expect(applied).toMatchObject(refused);
  for (const { stdout } of [checked, applied])
    expect(stdout.replace(/user (\d+), user (\d+)/, (all) => all.split(", ").sort().join(", "))).toContain(collision);
  expect((await sql<{ form: string }>`select username_canonical as form from users where id = ${user.id}`.execute(db.sql)).rows).toEqual([
    { form: old(username) },
  ]);

  await users.updateUser({ user: { id: rival.id, username: unique("rival") } });
  const before = await sql<{ version: bigint }>`select version from aggregate_version where kind = 'user' and id = ${plain.id}`.execute(
    db.sql,
  );
  expect(await names("check", databaseUrl)).toMatchObject({ code: 1, stdout: expect.stringContaining("username: 1\n") });
  expect(await names("apply", databaseUrl)).toMatchObject({
    code: 0,
    stderr: "",
    stdout: "username: 1\naddress: 1\nname: 1\ninvited address: 1\ncontact: 1\ntag of an account: 1\n",
  });
  expect(await names("check", databaseUrl)).toMatchObject({ code: 0, stdout: "All names have the form that they are compared by.\n" });

  // The running service sees it at once.
  expect(await lookUp()).toEqual([LookupStatus.FOUND, LookupStatus.FOUND]);
  expect((await users.getUser({ id: user.id })).user?.emails).toMatchObject([{ email, isPrimary: true }]);
  expect((await users.listUsers({ search: `λόγοσ ${word}` })).users).toMatchObject([{ id: user.id }]);
  await expectRefusal(
    profiles.addAccountContact({ accountId, contact: { email: `${word}@münchen.de` } }),
    "AlreadyExists",
    "CONTACT_TAKEN",
  );
  await expectRefusal(
    organizations.inviteMember({ organizationId, email: `${word}2@MÜNCHEN.de`, role: 1 }),
    "AlreadyExists",
    "MEMBER_EXISTS",
  );
  // Who had its form keeps its version.
  expect(await sql`select version from aggregate_version where kind = 'user' and id = ${plain.id}`.execute(db.sql)).toMatchObject({
    rows: before.rows,
  });
});

test("userd names check lists usernames that would be another user's address, and addresses verified twice", async ({ clients, db }) => {
  const { findOutdated } = await import("../../src/stored-names/recompute.ts");
  const word = unique("y");
  const [unicode, ascii] = [`${word}@bücher.example`, `${word}@xn--bcher-kva.example`];
  const a = await createUser(clients["grpc-js"], { username: unicode, email: `${word}@example.com` });
  const b = await createUser(clients["grpc-js"], { email: `${word}2@example.com` });
  await sql`insert into user_email (user_id, email, email_canonical, is_verified) values (${b.id}, ${ascii}, ${ascii}, true)`.execute(
    db.sql,
  );
  expect((await findOutdated(db)).collisions).toEqual([
    { what: "username that is another user's address", owners: [`user ${a.id}`, `user ${b.id}`] },
  ]);
  // A form that is another row's old one is written when that has given it up.
  await sql`insert into user_email (user_id, email, email_canonical, is_verified) values (${a.id}, ${unicode}, ${old(unicode)}, true)`.execute(
    db.sql,
  );
  await sql`update users set username = ${`${word}z`}, username_canonical = ${`${word}z`} where id = ${a.id}`.execute(db.sql);
  expect((await findOutdated(db)).collisions).toEqual([{ what: "address", owners: [`user ${a.id}`, `user ${b.id}`] }]);
  await sql`delete from user_email where email in (${unicode}, ${ascii})`.execute(db.sql);
});

test("userd names apply writes forms that other rows have still to give up", async ({ clients, db }) => {
  const { applyForms, findOutdated } = await import("../../src/stored-names/recompute.ts");
  const word = unique("z");
  const [first, second] = [`${word}Straße`, `${word}two`];
  await createUser(clients["grpc-js"], { username: first });
  await createUser(clients["grpc-js"], { username: second });
  // As if the old rule had given the second user the first one's form.
  await sql`update users set username_canonical = ${old(first)} where username = ${first}`.execute(db.sql);
  await sql`update users set username_canonical = ${`${word}strasse`} where username = ${second}`.execute(db.sql);
  const findings = await findOutdated(db);
  expect(findings.collisions).toEqual([]);
  await applyForms(db, findings);
  expect([...(await findOutdated(db)).outdated.values()].flat()).toEqual([]);
});

test("U2 userd names apply leaves a form that became another user's name after its check", async ({ clients, db }) => {
  const { applyForms, findOutdated } = await import("../../src/stored-names/recompute.ts");
  const { addresses, usernames } = await import("../../src/stored-names/stored-names.ts");
  const word = unique("w");
  const [username, email] = [`${word}Straße@example.com`, `${word}Gaße@example.com`];
  const [one, two] = [await createUser(clients["grpc-js"], { username }), await createUser(clients["grpc-js"], { email, username: word })];
  // From an import: a username that is another user's address already, and stays it.
  const imported = `${word}Große@example.com`;
  const three = await createUser(clients["grpc-js"], { username: imported });
  await sql`insert into user_email (user_id, email, email_canonical, is_verified) values (${two.id}, ${imported}, ${old(imported)}, false)`.execute(
    db.sql,
  );
  await age(db, "users", "username", "username_canonical", [username, imported]);
  await age(db, "user_email", "email", "email_canonical", [email]);
  const findings = await findOutdated(db);
  expect(findings.collisions).toEqual([]);

  const rivals = [
    await createUser(clients["grpc-js"], { username: unique(), email: `${word}strasse@example.com` }),
    await createUser(clients["grpc-js"], { username: `${word}gasse@example.com` }),
  ];
  const results = await applyForms(db, findings);
  expect([results.get(usernames), results.get(addresses)]).toEqual([
    { written: 1, refused: 1 },
    { written: 1, refused: 1 },
  ]);
  const left = (await findOutdated(db)).collisions.map(({ owners }) => owners.toSorted());
  expect(left).toEqual(
    expect.arrayContaining([
      [`user ${one.id}`, `user ${rivals[0]?.id}`].toSorted(),
      [`user ${two.id}`, `user ${rivals[1]?.id}`].toSorted(),
    ]),
  );
  expect(left).toHaveLength(2);
  expect((await clients["grpc-js"].users.getUser({ id: three.id })).user?.username).toBe(imported);
});
