import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { exportUser } from "../support/exports.ts";
import { all, countsOf, importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const sample = readFileSync(new URL("./samples/kinds-24.3.json", import.meta.url), "utf8");

const record = (model: string, pk: number, fields: object) => ({ model: `sentry.${model}`, pk, fields });
const organization = (pk: number) => record("organization", pk, { name: `Org ${pk}`, slug: `org-${pk}`, status: 0, flags: "0" });
const project = (pk: number) => record("project", pk, { organization: 1, name: `P ${pk}`, slug: `p-${pk}`, status: 0, flags: "0" });
const team = (pk: number) => record("team", pk, { organization: 1, name: `T ${pk}`, slug: `t-${pk}`, status: 0 });
const rule = (pk: number, fields: object) => record("rule", pk, { project: 1, label: `R ${pk}`, data: "{}", status: 0, ...fields });
const owners = sql`select id, owner_user_id as "user", owner_team_id as team from rule order by id`;
const reasons = ({ skipped, notes }: Awaited<ReturnType<typeof importRecords>>) =>
  [...skipped, ...notes].map(({ reason, count }) => [reason, count]).filter(([reason]) => !String(reason).includes("primary address"));

const models = ["environment", "environmentproject", "monitor", "integration", "organizationintegration", "rule", "alertrule"]
  .concat(["alertruletrigger", "alertruletriggeraction", "incident"])
  .map((model) => `sentry.${model}`);

describe("an export of Sentry 24.3", () => {
  test("comes in with its rules, alerts, monitors, environments and integrations", async ({ own: db }) => {
    const report = await importRecords(db, sample);
    for (const model of models) {
      const { read } = countsOf(report, model) as { read: number };
      expect([model, countsOf(report, model)]).toEqual([model, all("created", read)]);
      expect(read).toBeGreaterThan(0);
    }
    expect(countsOf(report, "sentry.snubaquery")).toEqual(all("unchanged", 3));
    expect(countsOf(report, "sentry.organizationintegration.organizations")).toEqual(all("created", 1));
    expect(report.notHeld.map(({ name }) => name)).not.toEqual(expect.arrayContaining(models));
    expect(
      await rowsOf(
        db,
        sql`select name, dataset, query, aggregate, time_window, resolution, include_all_projects from alert_rule where id = 1`,
      ),
    ).toEqual([
      {
        name: "Curious Caribou",
        dataset: "events",
        query: "level:error",
        aggregate: "count()",
        time_window: "600",
        resolution: "60",
        include_all_projects: true,
      },
    ]);
    expect(
      await rowsOf(db, sql`select alert_rule_id, label, alert_threshold, resolve_threshold from alert_rule_trigger order by id`),
    ).toEqual([
      { alert_rule_id: "1", label: "Equipped Whale", alert_threshold: 100, resolve_threshold: null },
      { alert_rule_id: "2", label: "Central Dog", alert_threshold: 100, resolve_threshold: null },
    ]);
    expect(await rowsOf(db, sql`select alert_rule_id, title, status, type, identifier from alert`)).toEqual([
      { alert_rule_id: "3", title: "Logical Scorpion", status: 1, type: 3, identifier: "1" },
    ]);
    expect(await rowsOf(db, sql`select integration_id, organization_id from integration_organization`)).toEqual([
      { integration_id: "1", organization_id: "4553577575874560" },
    ]);
    expect(await rowsOf(db, sql`select jsonb_array_length(data -> 'actions') as actions from rule`)).toEqual([{ actions: 2 }]);
  });

  test.for([{}, { ids: "new", onConflict: "remap" }, { onConflict: "merge" }] as const)(
    "changes nothing when it comes again, with %o",
    async (options, { own: db }) => {
      await importRecords(db, sample, options);
      const before = await stateOf(db);
      const report = await importRecords(db, sample, options);
      expect(report.conflicts.filter(({ kind }) => kind !== "user")).toEqual([]);
      for (const model of models) {
        const { read } = countsOf(report, model) as { read: number };
        expect([model, countsOf(report, model)]).toEqual([model, all("unchanged", read)]);
      }
      expect(await stateOf(db)).toEqual(before);
    },
  );
});

describe("owners", () => {
  const base = [exportUser(1), organization(1), project(1), team(1)];

  test("are users and teams, by name, by column, or by an actor", async ({ own: db }) => {
    const report = await importRecords(db, [
      ...base,
      rule(1, { owner: "user:1" }),
      rule(2, { owner: "team:1" }),
      rule(3, { owner_user_id: 1 }),
      rule(4, { owner: null, owner_team: 1 }),
      rule(5, { owner: 11 }),
      rule(6, { owner: 12 }),
      rule(7, { owner: 13 }),
      rule(8, { owner: "team:9" }),
      rule(9, { owner_user_id: 1, owner_team_id: 1 }),
      record("actor", 11, { type: 1, user_id: 1, team: null }),
      record("actor", 12, { type: 0, team: 1 }),
      record("actor", 14, { type: 0, team: 1 }),
    ]);
    const [user, byTeam, nobody] = [
      { user: "1", team: null },
      { user: null, team: "1" },
      { user: null, team: null },
    ];
    expect(await rowsOf(db, owners)).toEqual(
      [user, byTeam, user, byTeam, user, byTeam, nobody, nobody].map((owner, index) => ({ id: String(index + 1), ...owner })),
    );
    expect(reasons(report)).toEqual([
      ["it has more than one of owner_user_id, owner_team_id, or would have with what is here", 1],
      ["nothing in the file that is held has it for an owner", 1],
      ["its owner is an actor that is not in the file: it has none here", 1],
      ["its team (owner_team_id) was skipped, is neither in the file nor here, or is of another organization: it has none here", 1],
    ]);
    expect(countsOf(report, "sentry.actor")).toEqual({ ...all("unchanged", 3), unchanged: 2, skipped: 1 });
  });

  test("that moved keep being themselves, and one set here since stays alone", async ({ own: db }) => {
    await importRecords(db, [...base, rule(1, { owner: "user:1" })]);
    await sql`select set_config('userd.caller', 'test', false)`.execute(db.sql);
    await sql`update rule set owner_user_id = null, owner_team_id = 1`.execute(db.sql);
    const report = await importRecords(db, [...base, rule(1, { owner: "user:1" })]);
    expect(await rowsOf(db, owners)).toEqual([{ id: "1", user: null, team: "1" }]);
    expect(reasons(report)).toEqual([["it was changed here since, which stands; --overwrite lets the file win", 1]]);
  });
});

describe("what is being deleted, or is nowhere", () => {
  test("is skipped with all that refers to it", async ({ own: db }) => {
    const report = await importRecords(db, [
      organization(1),
      project(1),
      rule(1, { status: 2 }),
      rule(2, { environment_id: 77 }),
      record("integration", 1, { provider: "slack", external_id: "a", status: 3 }),
      record("integration", 2, { provider: "slack", external_id: "b", status: 0 }),
      record("organizationintegration", 1, { organization_id: 1, integration: 1, status: 0 }),
      record("organizationintegration", 2, { organization_id: 9, integration: 2, status: 0 }),
      record("alertrule", 1, { organization: 1, name: "A", status: 9 }),
      record("alertruletrigger", 1, { alert_rule: 1, label: "l", alert_threshold: 1 }),
      record("alertruletriggeraction", 1, { alert_rule_trigger: 1, type: 0, target_type: 0 }),
      record("incident", 1, { organization: 1, identifier: 1, alert_rule: 1, status: 1, type: 2 }),
    ]);
    expect(await rowsOf(db, sql`select id, environment_id from rule`)).toEqual([{ id: "2", environment_id: null }]);
    expect(await rowsOf(db, sql`select alert_rule_id from alert`)).toEqual([{ alert_rule_id: null }]);
    for (const table of ["integration", "organization_integration", "alert_rule", "alert_rule_trigger", "alert_rule_trigger_action"])
      expect([table, await rowsOf(db, sql`select id from ${sql.table(table)}`)]).toEqual([table, []]);
    const of = (what: string) => `${what} was skipped, is neither in the file nor here, or is of another organization: it has none here`;
    expect(reasons(report)).toEqual(
      expect.arrayContaining([
        ["status says that it is being deleted", 2],
        ["its integration was skipped", 1],
        ["status is not known", 1],
        ["its alert rule was skipped", 1],
        ["its alert rule trigger was skipped", 1],
        ["it has no organization that is here or in the file", 1],
        [of("its environment (environment_id)"), 1],
        [of("its alert rule (alert_rule_id)"), 1],
      ]),
    );
  });
});

describe("values that calls would refuse", () => {
  const base = [organization(1), organization(2), project(1)];
  const integration = (pk: number, fields: object) =>
    record("integration", pk, { provider: "slack", external_id: `e${pk}`, status: 0, organizations: [1], ...fields });

  test("are not read from lists or objects, whatever their text would be", async ({ own: db }) => {
    const report = await importRecords(db, [
      ...base,
      rule(1, { status: [0] }),
      rule(2, { owner: ["team:1"] }),
      rule(3, { owner: {} }),
      integration(1, { status: [0] }),
      integration(2, { status: "0" }),
      integration(3, { status: { toString: 0 } }),
    ]);
    expect(reasons(report)).toEqual([
      ["status is no number, text or boolean", 3],
      ["owner is no number, text or boolean", 2],
    ]);
    expect(await rowsOf(db, sql`select id from rule union all select id from integration`)).toEqual([{ id: "2" }]);
  });

  test("are no elements beyond the most of a repeated reference, those that are here included", async ({ own: db }) => {
    const organizations = Array.from({ length: 1_003 }, (_, index) => organization(index + 1));
    const upTo = (last: number) => organizations.slice(0, last).map(({ pk }) => pk);
    const sharers = sql`select count(*)::int as count, min(organization_id) as first, max(organization_id) as last from integration_organization`;
    await importRecords(db, [...organizations, integration(1, { organizations: upTo(999) })]);
    const report = await importRecords(db, [...organizations, integration(1, { organizations: upTo(1_003) })]);
    expect(reasons(report)).toEqual([["its integration would have more than 1000 of its organization_ids", 3]]);
    expect(await rowsOf(db, sharers)).toEqual([{ count: 1_000, first: "1", last: "1000" }]);
    const again = await importRecords(db, [integration(2, { external_id: "new", organizations: upTo(1_001) })]);
    expect(reasons(again)).toEqual([["its integration would have more than 1000 of its organization_ids", 1]]);
  });

  test.for([{}, { overwrite: true }, { onConflict: "merge" }] as const)(
    "do not replace what never changes, with %o",
    async (options, { own: db }) => {
      const monitor = (pk: number, guid: string | undefined, name: string) =>
        record("monitor", pk, { organization_id: 1, project_id: 1, name, slug: `m-${pk}`, guid, type: 0, status: 0, config: {} });
      const [first, second, third] = [1, 2, 3].map((digit) => `${digit}1111111-1111-1111-1111-111111111111`);
      await importRecords(db, [...base, monitor(1, first, "a"), monitor(2, second, "b")]);
      const report = await importRecords(db, [...base, monitor(1, second, "c"), monitor(2, third, "d")], options);
      expect(report.notes).toEqual([
        {
          reason: "it never changes, and stays as it is here",
          count: 2,
          examples: ["sentry.monitor 1 (record 4): guid", "sentry.monitor 2 (record 5): guid"],
        },
      ]);
      expect(await rowsOf(db, sql`select guid, name from monitor order by id`)).toEqual([
        { guid: first, name: "c" },
        { guid: second, name: "d" },
      ]);
    },
  );
});
