import { generatePeople, type Person } from "./people.ts";
import { createRandom, type Random } from "./random.ts";

/** A record of an export. */
export type ExportRecord = { readonly model: string; readonly pk: number; readonly fields: Readonly<Record<string, unknown>> };

const PEOPLE = 94_000;
const ORGANIZATIONS = 2_000;
const TEAMS = 6_000;
const PROJECTS = 12_000;
const MEMBERS = 70_000;
const TEAM_MEMBERS = 62_000;
const ROLES = 20;

const keys = ["theme", "language", "timezone", "stacktrace_order", "prefers_issue_details", "clock_24_hours", "self_notifications"];
const letters = "abcdefghijklmnopqrstuvwxyz0123456789 ";

const text = (random: Random, length: number): string => {
  // A sentence again and again is what views and queries that people save look like, too.
  const part = Array.from({ length: Math.min(length, 80) }, () => letters[random.integer(letters.length)]).join("");
  return part.repeat(Math.ceil(length / part.length)).slice(0, length);
};

const token = (random: Random): string => Array.from({ length: 32 }, () => random.integer(36).toString(36)).join("");

const day = (random: Random): string => new Date(Date.UTC(2016, 0, 1) + random.integer(300_000_000) * 1_000).toISOString();

const record = (model: string, pk: number, fields: Record<string, unknown>): ExportRecord => ({ model: `sentry.${model}`, pk, fields });

const userOf = (person: Person, random: Random) =>
  record("user", person.id, {
    password: `pbkdf2_sha256$600000$${token(random).slice(0, 12)}$${token(random)}${token(random).slice(0, 11)}=`,
    last_login: person.lastActive ?? null,
    username: person.username,
    name: person.name,
    email: person.emails[0]?.email ?? "",
    is_staff: person.isStaff,
    is_active: person.isActive,
    is_unclaimed: false,
    is_superuser: person.isSuperuser,
    is_managed: false,
    is_sentry_app: null,
    is_password_expired: false,
    last_password_change: person.dateJoined,
    flags: "0",
    session_nonce: null,
    date_joined: person.dateJoined,
    last_active: person.lastActive ?? null,
    avatar_type: 0,
    avatar_url: null,
  });

/** A value: most are a word, some a list or a saved view, a few have some kilobytes. */
const optionValue = (random: Random): string => {
  if (random.chance(0.7)) return JSON.stringify(text(random, 4 + random.integer(20)));
  if (random.chance(0.9))
    return JSON.stringify({ query: text(random, 60), sort: "date", columns: ["title", "user", "count"], saved: random.integer(1e6) });
  return JSON.stringify({ views: Array.from({ length: 8 }, () => ({ name: text(random, 20), query: text(random, 400) })) });
};

function* ofPerson(person: Person, random: Random, next: (model: string) => number): Generator<ExportRecord> {
  const user = person.id;
  yield userOf(person, random);
  for (const { email, isVerified } of person.emails)
    yield record("useremail", next("useremail"), {
      user,
      email,
      validation_hash: token(random),
      date_hash_added: day(random),
      is_verified: isVerified,
    });
  const options = random.chance(0.1) ? 25 : 3;
  for (let index = 0; index < options; index += 1)
    yield record("useroption", next("useroption"), {
      user,
      project_id: index >= keys.length ? 1 + ((user + index) % PROJECTS) : null,
      organization_id: null,
      key: keys[index % keys.length],
      value: optionValue(random),
    });
  for (const permission of person.permissions) yield record("userpermission", next("userpermission"), { user, permission });
  for (const role of person.roles) yield record("userroleuser", next("userroleuser"), { user, role, date_added: day(random) });
  for (const type of person.authenticators)
    yield record("authenticator", next("authenticator"), {
      user,
      type,
      created_at: day(random),
      last_used_at: null,
      config: JSON.stringify({ secret: token(random) }),
    });
  if (random.chance(0.7))
    yield record("userip", next("userip"), {
      user,
      ip_address: `10.${user & 255}.${(user >> 8) & 255}.${random.integer(256)}`,
      country_code: "AT",
      region_code: null,
      first_seen: day(random),
      last_seen: day(random),
    });
  if (random.chance(0.1))
    yield record("identity", next("identity"), {
      idp: 1 + (user % 50),
      user,
      external_id: token(random),
      data: { access_token: token(random), scopes: ["read", "write"] },
      status: 1,
      scopes: '["read"]',
      date_verified: day(random),
      date_added: day(random),
    });
}

function* ofOrganizations(people: number, share: number, random: Random, next: (model: string) => number): Generator<ExportRecord> {
  const [organizations, teams, projects] = [ORGANIZATIONS, TEAMS, PROJECTS].map((count) => Math.ceil(count * share)) as [
    number,
    number,
    number,
  ];
  for (let pk = 1; pk <= organizations; pk += 1) {
    yield record("organization", pk, { name: `Company ${pk}`, slug: `company-${pk}`, status: 0, flags: "1", date_added: day(random) });
    for (const key of ["sentry:require_scrub_data", "sentry:account-rate-limit", "auth:expiry"])
      yield record("organizationoption", next("organizationoption"), { organization: pk, key, value: optionValue(random) });
    if (pk % 10 === 0)
      yield record("authprovider", pk, {
        organization_id: pk,
        provider: "saml2",
        config: { idp: { entity_id: text(random, 40), x509cert: text(random, 1_200) } },
        date_added: day(random),
        default_role: 50,
        default_global_access: true,
        flags: "0",
      });
  }
  const within = (pk: number) => 1 + (pk % organizations);
  for (let pk = 1; pk <= teams; pk += 1)
    yield record("team", pk, { organization: within(pk), name: `Team ${pk}`, slug: `team-${pk}`, status: 0, date_added: day(random) });
  for (let pk = 1; pk <= projects; pk += 1) {
    yield record("project", pk, {
      organization: within(pk),
      name: `Project ${pk}`,
      slug: `project-${pk}`,
      status: 0,
      flags: "10",
      public: false,
      date_added: day(random),
    });
    yield record("projectteam", pk, { project: pk, team: 1 + ((pk - 1) % organizations) });
    for (const key of ["sentry:origins", "sentry:token", "sentry:relay-rev", "feedback:branding", "sentry:grouping_config"])
      yield record("projectoption", next("projectoption"), { project: pk, key, value: optionValue(random) });
  }
  const members = Math.ceil(MEMBERS * share);
  for (let pk = 1; pk <= members; pk += 1) {
    // The first company has every sixth member, as one company often has most.
    const organization = pk % 6 === 0 ? 1 : within(pk);
    const user = 1 + (pk % people);
    yield record("organizationmember", pk, {
      organization,
      user_id: pk % 50 === 7 ? null : user,
      email: pk % 50 === 7 ? `invited-${pk}@example.com` : null,
      role: pk % 20 === 0 ? "owner" : "member",
      flags: "0",
      token: null,
      date_added: day(random),
      token_expires_at: null,
      has_global_access: true,
      inviter_id: null,
      invite_status: 0,
      type: 50,
      user_is_active: true,
      user_email: null,
    });
    if (pk % 4 === 0 && organization % 10 === 0)
      yield record("authidentity", next("authidentity"), {
        user,
        auth_provider: organization,
        ident: token(random),
        data: { groups: [text(random, 20)] },
        last_verified: day(random),
        last_synced: day(random),
        date_added: day(random),
      });
  }
  const memberships = Math.ceil(TEAM_MEMBERS * share);
  for (let pk = 1; pk <= memberships; pk += 1) {
    const member = 1 + (pk % members);
    // Teams 1 and so on belong to company 2 and so on: a member's own company has one at every 2,000th.
    const organization = member % 6 === 0 ? 1 : within(member);
    const own = organization === 1 ? organizations : organization - 1;
    yield record("organizationmemberteam", pk, { team: own, organizationmember: member, is_active: true, role: null });
  }
}

/** What a service of some years exports: a mix of all that userd holds, about 300 MB at share 1. The same each time. */
export function* generateExport(share = 1): Generator<ExportRecord> {
  const random = createRandom(7);
  const counts = new Map<string, number>();
  const next = (model: string): number => {
    const count = (counts.get(model) ?? 0) + 1;
    counts.set(model, count);
    return count;
  };
  const people = Math.ceil(PEOPLE * share);
  for (let pk = 1; pk <= 50; pk += 1)
    yield record("identityprovider", pk, { type: "slack", external_id: `T${pk}`, config: {}, date_added: day(random) });
  for (let pk = 1; pk <= ROLES; pk += 1)
    yield record("userrole", pk, {
      name: `role ${pk}`,
      permissions: [`a.p${pk}`, "b.read"],
      date_added: day(random),
      date_updated: day(random),
    });
  // Exports come in the order of their models, but nothing promises it: here what belongs to companies comes first.
  yield* ofOrganizations(people, share, random, next);
  for (const person of generatePeople(people)) yield* ofPerson(person, random, next);
}
