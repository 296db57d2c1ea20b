import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { parse } from "yaml";
import { startApp } from "../../src/app.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { root } from "../foreign/tools.ts";
import { silent } from "../support/database.ts";
import { test as base, testConfig } from "../support/service.ts";

type Target = { readonly expr: string; readonly datasource: { readonly uid: string } };
type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
};
type Dashboard = {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[] };
};

const dashboard: Dashboard = JSON.parse(readFileSync(join(root, "docs/grafana/userd.json"), "utf8"));
const targets = dashboard.panels.flatMap(({ targets: own = [] }) => own);
const expressions = [...targets.map(({ expr }) => expr), ...dashboard.templating.list.flatMap(({ definition }) => definition ?? [])];

/** The metrics that an expression of PromQL names: what is neither called nor a label, a keyword or a variable. */
const metricsOf = (expression: string): string[] => {
  const bare = expression
    .replaceAll(/"[^"]*"|\{[^}]*\}|\[[^\]]*\]/g, "")
    .replaceAll(/\b(?:by|without|on|ignoring) *\([^)]*\)/g, "")
    .replaceAll(/label_values\((\w+), \w+\)/g, "$1");
  return (bare.match(/(?<![\w$.])[a-z_]\w*\b(?! *\()/g) ?? []).filter((word) => !["group_left", "group_right"].includes(word));
};

/** `exposed` = the metrics of a service that does all it can be told to do, as Prometheus names them. */
const test = base.extend("exposed", async ({ databaseUrl }, { onCleanup }): Promise<readonly string[]> => {
  const app = await startApp(testConfig(databaseUrl, { CACHE_SAMPLE_SECONDS: "3600" }), silent, { migrate: true });
  onCleanup(() => app[Symbol.asyncDispose]());
  const page = await (await fetch(`http://${formatAddress(app.httpAddress)}/metrics`)).text();
  return Array.from(page.matchAll(/^# TYPE (\w+) (\w+)$/gm), ([, name = "", type]) => name + (type === "histogram" ? "_bucket" : ""));
});

test("every metric of userd's own says that it is one", ({ exposed }) => {
  expect(exposed.length).toBeGreaterThan(20);
  expect(exposed.filter((name) => !/^(userd|nodejs|process)_/.test(name))).toEqual([]);
});

describe("docs/grafana/userd.json", () => {
  test("names only metrics that the service exposes", ({ exposed }) => {
    const named = new Set(expressions.flatMap(metricsOf));
    expect(named.size).toBeGreaterThan(20);
    expect([...named].filter((name) => !exposed.includes(name))).toEqual([]);
  });

  test("shows every metric of userd's own", ({ exposed }) => {
    const named = new Set(targets.flatMap(({ expr }) => metricsOf(expr)));
    const own = exposed.filter((name) => /^(?:userd|cache)_/.test(name));
    expect(own.length).toBeGreaterThan(15);
    expect(own.filter((name) => !named.has(name))).toEqual([]);
  });

  test("asks the data source, the jobs and the instances that its variables name", () => {
    const variables = new Set(dashboard.templating.list.map(({ name }) => name));
    expect(variables).toEqual(new Set(["datasource", "job", "instance"]));
    expect(new Set(targets.map(({ datasource }) => datasource.uid))).toEqual(new Set(["$" + "{datasource}"]));
    // Every selector has both, or a second service would be counted along.
    for (const { expr } of targets) {
      expect(expr.match(/\{[^}]*\}/g)).toHaveLength(metricsOf(expr).length);
      for (const [selector] of expr.matchAll(/\{[^}]*\}/g)) expect(selector).toContain('job=~"$job", instance=~"$instance"');
    }
  });

  test("has a schema that Grafana 11 takes, and panels that don't overlap", () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)}/${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});

type Rule = { readonly alert: string; readonly expr: string; readonly annotations: { readonly summary: string } };

describe("docs/prometheus/userd.yml", () => {
  const { groups }: { readonly groups: readonly { readonly rules: readonly Rule[] }[] } = parse(
    readFileSync(join(root, "docs/prometheus/userd.yml"), "utf8"),
  );
  const rules = groups.flatMap((group) => group.rules);
  const operations = readFileSync(join(root, "docs/operations.md"), "utf8");

  test("alerts by metrics that the service exposes", ({ exposed }) => {
    const named = rules.map(({ expr }) => metricsOf(expr));
    expect(named.filter((metrics) => metrics.length === 0)).toEqual([]);
    expect(named.flat().filter((name) => !exposed.includes(name))).toEqual([]);
  });

  test("docs/operations.md says of each alert what to do, and of no other", () => {
    const explained = Array.from(operations.matchAll(/^\| `(Userd\w+)` +\|/gm), ([, name]) => name);
    expect(explained).toEqual(rules.map(({ alert }) => alert));
  });

  test("docs/operations.md has every metric of userd's own, and no other", ({ exposed }) => {
    const listed = Array.from(operations.matchAll(/^\| `((?:userd|cache)_\w+)` +\|/gm), ([, name]) => name);
    const own = exposed.map((name) => name.replace(/_bucket$/, "")).filter((name) => /^(?:userd|cache)_/.test(name));
    expect(listed.toSorted()).toEqual(own.toSorted());
  });
});
