import { describe, expect } from "vitest";
import type { OptionDefinition } from "../../src/gen/userd/v1/option_definition_pb.ts";
import { OptionSource, type ResolvedOption } from "../../src/gen/userd/v1/user_option_pb.ts";
import { createUser, unique, uniqueId, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { test } from "../support/service.ts";
import { combinationOf, combinations } from "./combinations.ts";
import { json } from "./json.ts";
import { resolveNaively } from "./naive-resolution.ts";
import { registryFile, type ServiceWith, serviceWith } from "./service-with.ts";

const plain = (option: ResolvedOption | undefined) => option && { value: json(option.value), source: option.source, locked: option.locked };

/** Resolves one key of one user. */
const resolveOne = async (
  { options }: Pick<Clients, "options">,
  request: { userId: bigint; key: string; projectId?: bigint; organizationId?: bigint; explain?: boolean },
) => {
  const { userId, key, ...rest } = request;
  const { results } = await options.resolveOptions({ userIds: [userId], keys: [key], ...rest });
  return results[0]?.options[0];
};

const trailOf = (option: ResolvedOption | undefined) =>
  option?.trail.map((level) => [level.source, json(level.value), level.locked, level.invalid]);

describe("ResolveOptions", () => {
  test("O24 O25 each level wins alone, and removing the winner exposes the next one at once", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const [projectId, organizationId] = [uniqueId(), uniqueId()];
    // The definition's default is "1"; the key may be set for users and projects, so scopes are set by another key.
    const key = unique("k");
    const project = { target: { case: "projectId" as const, value: projectId }, key };
    const organization = { target: { case: "organizationId" as const, value: organizationId }, key };
    const global = { target: { case: "globalScope" as const, value: {} }, key };
    const removers: [OptionSource, string, () => Promise<unknown>][] = [
      [OptionSource.USER_PROJECT, "up", () => options.deleteOption({ userId, key, projectId })],
      [OptionSource.USER_ORGANIZATION, "uo", () => options.deleteOption({ userId, key, organizationId })],
      [OptionSource.USER_GLOBAL, "ug", () => options.deleteOption({ userId, key })],
      [OptionSource.PROJECT, "p", () => options.deleteScopeOption(project)],
      [OptionSource.ORGANIZATION, "o", () => options.deleteScopeOption(organization)],
      [OptionSource.GLOBAL, "g", () => options.deleteScopeOption(global)],
    ];
    await options.setOption({ userId, key, projectId, value: value("up") });
    await options.setOption({ userId, key, organizationId, value: value("uo") });
    await options.setOption({ userId, key, value: value("ug") });
    await options.setScopeOption({ ...project, value: value("p") });
    await options.setScopeOption({ ...organization, value: value("o") });
    await options.setScopeOption({ ...global, value: value("g") });
    const now = async () => plain(await resolveOne(clients["grpc-js"], { userId, key, projectId, organizationId }));
    for (const [source, stored, remove] of removers) {
      expect(await now()).toEqual({ value: stored, source, locked: false });
      await remove();
    }
    expect(await now()).toEqual({ value: undefined, source: OptionSource.UNSPECIFIED, locked: false });
  });

  test("a scope that the request does not name takes no part", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const key = unique("k");
    const [projectId, organizationId] = [uniqueId(), uniqueId()];
    await options.setOption({ userId, key, projectId, value: value("up") });
    await options.setScopeOption({ target: { case: "organizationId", value: organizationId }, key, value: value("o"), locked: true });
    expect(await resolveOne(clients["grpc-js"], { userId, key })).toMatchObject({ found: false });
    expect(plain(await resolveOne(clients["grpc-js"], { userId, key, projectId }))).toMatchObject({ value: "up" });
    expect(plain(await resolveOne(clients["grpc-js"], { userId, key, projectId: uniqueId(), organizationId }))).toMatchObject({
      value: "o",
    });
  });

  test("O26 a lock beats the user's own value, which is stored all the same and returns after the unlock", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const key = unique("k");
    const organizationId = uniqueId();
    const target = { case: "organizationId" as const, value: organizationId };
    const before = await options.setOption({ userId, key, value: value("own") });
    await options.setScopeOption({ target, key, value: value("theirs"), locked: true });
    const now = async () => plain(await resolveOne(clients["grpc-js"], { userId, key, organizationId }));
    expect(await now()).toEqual({ value: "theirs", source: OptionSource.ORGANIZATION, locked: true });
    expect((await options.getOption({ userId, key })).option).toEqual(before.option);
    const hidden = await options.setOption({ userId, key, organizationId, value: value("hidden") });
    expect(hidden).toMatchObject({ created: true, locked: true });
    expect(await options.setOption({ userId, key, organizationId, value: value("hidden") })).toMatchObject({
      changed: false,
      locked: true,
    });
    // In the user's global scope no lock of an organization holds.
    expect(await options.setOption({ userId, key, value: value("own again") })).toMatchObject({ locked: false });
    expect(await now()).toMatchObject({ value: "theirs" });
    await options.setScopeOption({ target, key, value: value("theirs"), locked: false });
    expect(await now()).toEqual({ value: "hidden", source: OptionSource.USER_ORGANIZATION, locked: false });
  });

  test("O27 a global lock beats an organization's, which beats a project's", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const key = unique("k");
    const [projectId, organizationId] = [uniqueId(), uniqueId()];
    const now = async () => plain(await resolveOne(clients["grpc-js"], { userId, key, projectId, organizationId }));
    await options.setOption({ userId, key, projectId, value: value("own") });
    await options.setScopeOption({ target: { case: "projectId", value: projectId }, key, value: value("p"), locked: true });
    expect(await now()).toMatchObject({ value: "p", source: OptionSource.PROJECT });
    await options.setScopeOption({ target: { case: "organizationId", value: organizationId }, key, value: value("o"), locked: true });
    expect(await now()).toMatchObject({ value: "o", source: OptionSource.ORGANIZATION });
    await options.setScopeOption({ target: { case: "globalScope", value: {} }, key, value: value("g"), locked: true });
    expect(await now()).toMatchObject({ value: "g", source: OptionSource.GLOBAL });
  });

  test("O28 explain lists every level that has a value, the winner first", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const organizationId = uniqueId();
    const key = "theme";
    await options.setOption({ userId, key, value: value("dark") });
    await options.setScopeOption({ target: { case: "organizationId", value: organizationId }, key, value: value("light"), locked: true });
    const explained = await resolveOne(clients["grpc-js"], { userId, key, organizationId, explain: true });
    expect(trailOf(explained)).toEqual([
      [OptionSource.ORGANIZATION, "light", true, false],
      [OptionSource.USER_GLOBAL, "dark", false, false],
      [OptionSource.DEFINITION, "system", false, false],
    ]);
    const bare = await resolveOne(clients["grpc-js"], { userId, key, organizationId });
    expect(bare).toMatchObject({ trail: [] });
    expect(plain(bare)).toEqual(plain(explained));
  });

  test("O29 a default changed at organization level reaches existing users at the next read", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const users = await Promise.all([1, 2, 3].map(() => createUser(clients["grpc-js"])));
    const organizationId = uniqueId();
    for (const zone of ["Europe/Vienna", "Asia/Tokyo"]) {
      await options.setScopeOption({ target: { case: "organizationId", value: organizationId }, key: "timezone", value: value(zone) });
      const { results } = await options.resolveOptions({ userIds: users.map(({ id }) => id), keys: ["timezone"], organizationId });
      expect(results.map((result) => json(result.options[0]?.value))).toEqual([zone, zone, zone]);
    }
  });

  test("O35 a user with nothing stored has the catalogue's defaults", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const user = await createUser(clients["grpc-js"]);
    const { definitions } = await options.listOptionDefinitions({});
    const { results } = await options.resolveOptions({ userIds: [user.id], keys: definitions.map(({ key }) => key) });
    const defaultOf = ({ key, defaultValue }: OptionDefinition) => (key === "mail:email" ? user.email : json(defaultValue));
    expect(results[0]?.options.map((option) => [option.key, option.source, json(option.value)])).toEqual(
      definitions.map((definition) => [definition.key, OptionSource.DEFINITION, defaultOf(definition)]),
    );
    expect(definitions.length).toBeGreaterThanOrEqual(15);
  });

  test("users and keys come in request order, duplicates and unknown ones included", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const [a, b] = await Promise.all([createUser(clients["grpc-js"]), createUser(clients["grpc-js"])]);
    await options.setOption({ userId: b.id, key: "theme", value: value("light") });
    const { results } = await options.resolveOptions({
      userIds: [b.id, 9_000_000_000_000n, a.id, b.id],
      keys: ["theme", "none", "language"],
    });
    expect(results.map(({ userId, userFound }) => [userId, userFound])).toEqual([
      [b.id, true],
      [9_000_000_000_000n, false],
      [a.id, true],
      [b.id, true],
    ]);
    expect(results[1]?.options).toEqual([]);
    const values = (index: number) => results[index]?.options.map((option) => [option.key, option.found, json(option.value)]);
    expect(values(0)).toEqual([
      ["theme", true, "light"],
      ["none", false, undefined],
      ["language", true, "en"],
    ]);
    expect(values(3)).toEqual(values(0));
    expect(values(2)?.[0]).toEqual(["theme", true, "system"]);
  });

  test("without keys it is every key that has a definition or a value, by key", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const [a, b] = await Promise.all([createUser(clients["grpc-js"]), createUser(clients["grpc-js"])]);
    const organizationId = uniqueId();
    const [own, theirs] = ["zz-own", "__proto__"];
    await options.setOption({ userId: a.id, key: own, value: value(1) });
    await options.setScopeOption({ target: { case: "organizationId", value: organizationId }, key: theirs, value: value(2) });
    const { results } = await options.resolveOptions({ userIds: [a.id, b.id], organizationId });
    const keys = (index: number) => results[index]?.options.map(({ key }) => key) ?? [];
    expect(keys(0)).toEqual([...keys(1), own].sort());
    expect(keys(1)).toContain(theirs);
    expect(keys(1)).toContain("theme");
  });

  test("a stored null is a value, at every level", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const key = unique("k");
    await options.setScopeOption({ target: { case: "globalScope", value: {} }, key, value: value(1) });
    await options.setOption({ userId, key, value: value(null) });
    expect(await resolveOne(clients["grpc-js"], { userId, key })).toMatchObject({ found: true, source: OptionSource.USER_GLOBAL });
    await options.deleteOption({ userId, key });
    await options.setScopeOption({ target: { case: "globalScope", value: {} }, key, value: value(null), locked: true });
    const locked = await resolveOne(clients["grpc-js"], { userId, key });
    expect(locked).toMatchObject({ found: true, locked: true });
    expect(locked?.value?.kind).toEqual({ case: "nullValue", value: 0 });
  });
});

const sample = combinations.filter((bits) => bits % 7 === 3);
const keyOf = (bits: number) => `c${bits}`;
const definitions = sample.map((bits) => {
  const { definition } = combinationOf(bits);
  const fallback = definition === undefined ? "" : `, default: ${JSON.stringify(definition)}`;
  return `${keyOf(bits)}: { description: A combination., type: any, scopes: [user, organization, project]${fallback} }`;
});
const merging = `
settings: { description: Merged., type: object, merge: object, default: { a: 1, b: { c: 1 }, list: [1, 2] }, scopes: [user, project] }
`;

const withRegistry = test.extend("own", { scope: "file" }, async ({ databaseUrl, service: _ }, { onCleanup }): Promise<ServiceWith> => {
  const file = await registryFile(definitions.join("\n") + merging);
  const own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path });
  onCleanup(async () => {
    await own[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  });
  return own;
});

describe("with a registry of its own", () => {
  withRegistry("O24 O26 O27 a sample of all combinations resolves as the naive implementation says", async ({ own, clients }) => {
    const { options } = own;
    const { id: userId } = await createUser(clients["grpc-js"]);
    const [projectId, organizationId] = [uniqueId(), uniqueId()];
    const targets = {
      project: { case: "projectId", value: projectId },
      organization: { case: "organizationId", value: organizationId },
      global: { case: "globalScope", value: {} },
    } as const;
    const sets = sample.flatMap((bits) => {
      const at = combinationOf(bits);
      const key = keyOf(bits);
      return [
        ...(at.userProject === undefined ? [] : [{ key, projectId, value: value(at.userProject) }]),
        ...(at.userOrganization === undefined ? [] : [{ key, organizationId, value: value(at.userOrganization) }]),
        ...(at.userGlobal === undefined ? [] : [{ key, value: value(at.userGlobal) }]),
      ];
    });
    await options.applyOptionChanges({ userId, changes: sets.map((set) => ({ change: { case: "set", value: set } })) });
    for (const bits of sample) {
      const at = combinationOf(bits);
      for (const scope of ["project", "organization", "global"] as const) {
        const stored = at[scope];
        if (stored)
          await options.setScopeOption({ target: targets[scope], key: keyOf(bits), value: value(stored.value), locked: stored.locked });
      }
    }
    for (let from = 0; from < sample.length; from += 100) {
      const some = sample.slice(from, from + 100);
      const { results } = await options.resolveOptions({ userIds: [userId], keys: some.map(keyOf), projectId, organizationId });
      expect(results[0]?.options.map(plain)).toEqual(some.map((bits) => resolveNaively(combinationOf(bits))));
    }
  });

  withRegistry("O30 objects merge from the bottom up, null removes a member, arrays replace", async ({ own, clients }) => {
    const { options } = own;
    const { id: userId } = await createUser(clients["grpc-js"]);
    const [projectId, organizationId] = [uniqueId(), uniqueId()];
    const key = "settings";
    const now = () => resolveOne(own, { userId, key, projectId, organizationId, explain: true });
    expect(json((await now())?.value)).toEqual({ a: 1, b: { c: 1 }, list: [1, 2] });
    await options.setScopeOption({ target: { case: "organizationId", value: organizationId }, key, value: value({ a: 2, b: { d: 2 } }) });
    await options.setOption({ userId, key, value: value({ list: [3], a: null }) });
    await options.setOption({ userId, key, projectId, value: value({ b: { c: null }, __proto__: 1 }) });
    const merged = await now();
    expect(json(merged?.value)).toEqual({ b: { d: 2 }, list: [3] });
    expect(merged).toMatchObject({ source: OptionSource.USER_PROJECT, locked: false });
    expect(merged?.trail.map(({ source }) => source)).toEqual([
      OptionSource.USER_PROJECT,
      OptionSource.USER_GLOBAL,
      OptionSource.ORGANIZATION,
      OptionSource.DEFINITION,
    ]);
    await options.setScopeOption({ target: { case: "projectId", value: projectId }, key, value: value({ list: [] }), locked: true });
    expect(plain(await now())).toEqual({ value: { b: { d: 2 }, list: [] }, source: OptionSource.PROJECT, locked: true });
  });
});
