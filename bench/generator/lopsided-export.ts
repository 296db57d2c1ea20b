import type { ExportRecord } from "./export.ts";

type Fields = Readonly<Record<string, unknown>>;

const record = (model: string, pk: number, fields: Fields): ExportRecord => ({ model, pk, fields });

const SAID_BY_ALL = { text: "what a value says" };
const MEMBERS = 60_000;
const SHARERS = 200_000;
const OPTIONS = 100_000;
const ACCOUNTS = 50_000;
const NAMESAKES = 20_000;
const JOINED = "2020-01-01T00:00:00.000Z";

const user = (pk: number, fields: Fields = {}) =>
  record("sentry.user", pk, {
    username: `user-${pk}`,
    email: "",
    password: "",
    last_password_change: JOINED,
    date_joined: JOINED,
    ...fields,
  });

/** One organization with all members, all in one team, and all invited once more. */
function* oneOrganization(count: number): Generator<ExportRecord> {
  yield record("sentry.organization", 1, { name: "All", slug: "all", status: 0, flags: "0" });
  yield record("sentry.team", 1, { organization: 1, name: "All", slug: "all", status: 0 });
  for (let pk = 1; pk <= count; pk += 1) {
    yield record("sentry.organizationmember", pk, { organization: 1, user_id: pk, email: null, role: "member", flags: "0" });
    yield record("sentry.organizationmemberteam", pk, { team: 1, organizationmember: pk, is_active: true });
    yield record("sentry.organizationmember", count + pk, {
      organization: 1,
      user_id: null,
      email: `invited-${pk}@example.com`,
      role: "member",
      flags: "0",
    });
    yield record("sentry.organizationmemberinvite", pk, {
      organization: 1,
      organization_member: null,
      email: `invited-too-${pk}@example.com`,
      role: "member",
      organization_member_team_data: [{ id: 1, slug: "all" }],
    });
  }
}

/** Everybody has verified the same address. */
function* oneAddress(count: number): Generator<ExportRecord> {
  for (let pk = 1; pk <= count; pk += 1) {
    yield user(pk, { email: "all@example.com" });
    yield record("sentry.useremail", pk, {
      user: pk,
      email: "all@example.com",
      validation_hash: "mCnWesSVvYQcq7qXQ36AZHwosAd6cghE",
      date_hash_added: JOINED,
      is_verified: true,
    });
  }
}

/** Names that differ in case or not at all: each but the first gets a suffix. */
function* oneName(from: number, count: number): Generator<ExportRecord> {
  for (let pk = from; pk < from + count; pk += 1) {
    yield user(pk, { username: pk % 2 === 0 ? "Namesake" : "namesake" });
    yield record("sentry.organization", pk, { name: "Namesake", slug: "namesake", status: 0, flags: "0" });
    yield record("sentry.project", pk, { organization: 1, name: "Namesake", slug: "namesake", status: 0, flags: "0" });
  }
}

/** All options are one user's, and as many are one project's. */
function* oneOwner(count: number): Generator<ExportRecord> {
  yield record("sentry.project", 1, { organization: 1, name: "P", slug: "p", status: 0, flags: "0" });
  for (let pk = 1; pk <= count; pk += 1) {
    const option = { key: `key-${pk}`, value: SAID_BY_ALL };
    yield record("sentry.useroption", pk, { user: 1, project_id: null, organization_id: null, ...option });
    yield record("sentry.projectoption", pk, { project: 1, ...option });
  }
}

/** As many accounts with one profile as profiles and contacts in one account, each primary, each account the default. */
function* smarter(count: number): Generator<ExportRecord> {
  for (let pk = 1; pk <= count; pk += 1) {
    const number = String(pk)
      .padStart(12, "0")
      .replace(/(....)(....)(....)/, "$1-$2-$3");
    yield record("account.account", pk, { account_number: number, company_name: `Company ${pk}`, is_default_account: true });
    yield record("account.userprofile", pk, { user: pk, account: 1, is_test: false });
    yield record("account.userprofile", count + pk, { user: 1, account: 1 + pk, is_test: false });
    yield record("account.accountcontact", pk, {
      account: 1,
      first_name: "Ann",
      last_name: "Lee",
      email: `contact-${pk}@example.com`,
      is_primary: true,
    });
  }
}

/** An export in which all belongs to one: where a step compares everything with everything, this shows it. */
export function* generateLopsidedExport(share = 1): Generator<ExportRecord> {
  const of = (count: number) => Math.ceil(count * share);
  yield* oneOrganization(of(MEMBERS));
  yield* oneAddress(of(SHARERS));
  yield* oneName(of(SHARERS) + 1, of(NAMESAKES));
  yield* oneOwner(of(OPTIONS));
  yield* smarter(of(ACCOUNTS));
}
