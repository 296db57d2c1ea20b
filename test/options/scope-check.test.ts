import { Code } from "@connectrpc/connect";
import { expect } from "vitest";
import { createOrganization, createProject, createUser, uniqueId, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base } from "../support/service.ts";
import { type ServiceWith, serviceWith } from "./service-with.ts";
import { statementsOf } from "./statements.ts";

const test = base.extend("checked", { scope: "file" }, async ({ databaseUrl, service: _ }, { onCleanup }): Promise<ServiceWith> => {
  const service = await serviceWith(databaseUrl, { SCOPE_CHECK: "registered" });
  onCleanup(() => service[Symbol.asyncDispose]());
  return service;
});

const set = (scope: object) => ({ change: { case: "set" as const, value: { key: "k", value: value(1), ...scope } } });

test("where scopes are checked, options are written and read in registered ones only", async ({ checked }) => {
  const { options } = checked;
  const { id: userId } = await createUser(checked);
  const { id: organizationId } = await createOrganization(checked);
  const { id: projectId } = await createProject(checked, organizationId);
  for (const scope of [{}, { organizationId }, { projectId }]) {
    expect((await options.setOption({ userId, key: "k", value: value(1), ...scope })).created).toBe(true);
    expect((await options.getOption({ userId, key: "k", ...scope })).found).toBe(true);
  }
  await options.setScopeOption({ target: { case: "projectId", value: projectId }, key: "k", value: value(1) });

  for (const scope of [{ organizationId: uniqueId() }, { projectId: uniqueId() }]) {
    const refusedBy = [
      options.setOption({ userId, key: "k", value: value(1), ...scope }),
      options.applyOptionChanges({ userId, changes: [set({}), set(scope)] }),
      options.applyOptionChanges({ userId, changes: [set(scope)], validateOnly: true }),
    ];
    await Promise.all(refusedBy.map((call) => expectRefusal(call, "NotFound", "OPTION_SCOPE_NOT_FOUND")));
    const { results } = await options.batchSetOptions({
      entries: [
        { userId, key: "k", value: value(2), ...scope },
        { userId, key: "b", value: value(2) },
      ],
    });
    expect(results.map(({ result }) => result.case)).toEqual(["error", "option"]);
    expect(results[0]?.result.value).toMatchObject({ code: Code.NotFound });
    expect(await options.getOption({ userId, key: "k", ...scope })).toMatchObject({ found: false });
  }
  const target = { case: "organizationId" as const, value: uniqueId() };
  await expectRefusal(options.setScopeOption({ target, key: "k", value: value(1) }), "NotFound", "OPTION_SCOPE_NOT_FOUND");
});

test("a deleted project or organization takes and shows no options, and does when it is back", async ({ checked }) => {
  const { options, organizations } = checked;
  const { id: userId } = await createUser(checked);
  const { id: organizationId } = await createOrganization(checked);
  const { id: projectId } = await createProject(checked, organizationId);
  const write = (json: number) => options.setOption({ userId, key: "k", value: value(json), projectId });
  const found = async () => [
    (await options.getOption({ userId, key: "k", projectId })).found,
    (await options.listOptions({ userId, allScopes: true })).options.length > 0,
    (await options.batchGetOptions({ userIds: [userId], projectIds: [projectId] })).results[0]?.options.length === 1,
    (await options.resolveOptions({ userIds: [userId], keys: ["k"], projectId })).results[0]?.options[0]?.found,
    (await options.listOptionRevisions({ userId, key: "k", projectId })).revisions.length > 0,
  ];
  const target = { case: "projectId" as const, value: projectId };
  await write(1);
  await options.setScopeOption({ target, key: "k", value: value(1) });
  const { revisions } = await options.listOptionRevisions({ userId, key: "k", projectId });
  const remove = [
    [() => organizations.deleteProject({ id: projectId }), () => organizations.undeleteProject({ id: projectId })],
    [() => organizations.deleteOrganization({ id: organizationId }), () => organizations.undeleteOrganization({ id: organizationId })],
  ] as const;
  for (const [gone, back] of remove) {
    expect(await found()).toEqual([true, true, true, true, true]);
    await gone();
    expect(await found()).toEqual([false, false, false, false, false]);
    // An equal value is no way around it.
    for (const json of [1, 2]) await expectRefusal(write(json), "NotFound", "OPTION_SCOPE_NOT_FOUND");
    const revisionId = revisions[0]?.revisionId ?? 0n;
    await expectRefusal(options.restoreOption({ userId, key: "k", projectId, revisionId }), "NotFound", "OPTION_SCOPE_NOT_FOUND");
    await expectRefusal(options.setScopeOption({ target, key: "k", value: value(2) }), "NotFound", "OPTION_SCOPE_NOT_FOUND");
    await expectRefusal(options.getScopeOption({ target, key: "k" }), "NotFound", "OPTION_NOT_FOUND");
    await back();
  }
  expect(await found()).toEqual([true, true, true, true, true]);
  expect((await options.restoreOption({ userId, key: "k", projectId, revisionId: revisions[0]?.revisionId ?? 0n })).option).toBeDefined();
});

test("the check costs a write no statement, and a read none that is held", async ({ checked, clients }) => {
  const { id: userId } = await createUser(checked);
  const { id: projectId } = await createProject(checked, (await createOrganization(checked)).id);
  const write = { userId, key: "k", projectId };
  for (const { options } of [checked, clients["grpc-js"]]) await options.setOption({ ...write, value: value("warm") });
  const trusted = await statementsOf(() => clients["grpc-js"].options.setOption({ ...write, value: value(1) }));
  expect(await statementsOf(() => checked.options.setOption({ ...write, value: value(2) }))).toHaveLength(trusted.length);
  // The user's options, the project, and its organization.
  expect(await statementsOf(() => checked.options.getOption(write))).toHaveLength(3);
  expect(await statementsOf(() => checked.options.getOption(write))).toHaveLength(0);
});

test("of a write and a purge at once, nothing is left behind", async ({ checked, db }) => {
  const { options, organizations } = checked;
  const users = await Promise.all(Array.from({ length: 6 }, async () => (await createUser(checked)).id));
  const { id: organizationId } = await createOrganization(checked);
  for (let round = 0; round < 6; round++) {
    const { id: projectId } = await createProject(checked, organizationId);
    const writes = users.map((userId) =>
      options.setOption({ userId, key: "k", value: value(round), projectId }).catch((error: unknown) => error),
    );
    await organizations.purgeProject({ id: projectId });
    for (const outcome of await Promise.all(writes)) {
      if (outcome instanceof Error) await expectRefusal(Promise.reject(outcome), "NotFound", "OPTION_SCOPE_NOT_FOUND");
    }
    expect(
      await db.sql.selectFrom("user_option").select("id").where("scope_kind", "=", 2).where("scope_id", "=", projectId).execute(),
    ).toEqual([]);
  }
});
