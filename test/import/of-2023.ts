import { exportEmail, exportOption, exportUser } from "../support/exports.ts";

/** Makes a record of an export; a model without a dot is one of Sentry's. */
export const recordOf = (model: string, pk: number, fields: object) => ({
  model: model.includes(".") ? model : `sentry.${model}`,
  pk,
  fields,
});
/** The time of all changes in the file of 2023. */
export const OLD = "2023-01-01T00:00:00Z";

/** Of "letmein", with few rounds: a sign-in makes it anew. */
const weak = "pbkdf2_sha256$1000$seasalt$R1/GfWtwog1T8Ev9VndgDjzkiRzbFr8JpmJtL9cMmQU=";

/** An export of 2023 with a record of what imports store, from which other records do not follow. */
export const of2023 = [
  exportUser(1, { name: "Ann", password: weak, last_password_change: OLD }),
  exportEmail(1, { is_verified: true }),
  exportEmail(2, { user: 1, email: "second@example.com", is_verified: true }),
  exportOption(1),
  exportOption(2, { key: "theme", value: '"light"' }),
  recordOf("option", 1, { key: "mail.from", value: "old@example.com", last_updated: OLD }),
  recordOf("option", 2, { key: "mail.reply", value: "old@example.com", last_updated: OLD }),
  recordOf("userrole", 1, { name: "Readers", permissions: "['a.read', 'users.admin']", date_added: OLD, date_updated: OLD }),
  recordOf("userroleuser", 1, { user: 1, role: 1 }),
  recordOf("userpermission", 1, { user: 1, permission: "users.admin" }),
  recordOf("authenticator", 1, { user: 1, type: 1, config: '{"secret": "s"}' }),
  recordOf("identityprovider", 1, { type: "slack", external_id: "T1", config: {} }),
  recordOf("identity", 1, { user: 1, idp: 1, external_id: "x" }),
  recordOf("organization", 1, { name: "Acme", slug: "acme", status: 0, flags: "0" }),
  recordOf("team", 1, { organization: 1, name: "Team", slug: "team", status: 0 }),
  recordOf("organizationmember", 1, { organization: 1, user_id: 1, email: null, role: "owner", flags: "0" }),
  exportUser(2),
  recordOf("organizationmember", 2, { organization: 1, user_id: 2, email: null, role: "owner", flags: "0" }),
  recordOf("organizationmemberteam", 2, { team: 1, organizationmember: 2, is_active: true }),
  recordOf("account.account", 1, { account_number: "1111-2222-0001", company_name: "Acme" }),
  recordOf("account.userprofile", 1, { user: 1, account: 1, name: "Old", is_test: false }),
  recordOf("account.accountcontact", 1, { account: 1, email: "boss@example.com", first_name: "The", last_name: "Boss", is_primary: true }),
  recordOf("project", 1, { organization: 1, name: "Web", slug: "web", status: 0 }),
  recordOf("project", 2, { organization: 1, name: "App", slug: "app", status: 0 }),
  recordOf("projectteam", 1, { project: 1, team: 1 }),
  recordOf("authprovider", 1, { organization_id: 1, provider: "saml2", config: {}, date_added: OLD, default_role: 25 }),
  recordOf("authidentity", 1, { user: 1, auth_provider: 1, ident: "ann", data: {}, date_added: OLD, last_verified: OLD }),
];
