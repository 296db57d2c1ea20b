import { describe, expect } from "vitest";
import { bearing, sha256, writeCallersFile } from "../server/callers/callers-file.ts";
import { createOrganization, createProject, createUser, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base } from "../support/service.ts";
import { registryFile, type ServiceWith, serviceWith } from "./service-with.ts";

const definitions = `
open: { description: For all., type: any, scopes: [user, project] }
card: { description: How the user pays., type: any, scopes: [user, project], indexed: true, readers: [billing, "pay-*"], writers: [billing] }
health: { description: A diagnosis., type: any, scopes: [user, project], sensitive: true, indexed: true }
drop: { description: A letter box., type: any, writers: ["*"], readers: ["pay-*"] }
`;

const ALL = ["options.read", "options.write", "options.admin"];

/** The callers, and which keys each may read and write. */
const callers = {
  billing: { permissions: ALL, reads: ["open", "card"], writes: ["open", "card", "health", "drop"] },
  "pay-1": { permissions: ALL, reads: ["open", "card", "drop"], writes: ["open", "health", "drop"] },
  "doctor.x": { permissions: [...ALL, "options.read_sensitive"], reads: ["open", "health"], writes: ["open", "health", "drop"] },
  xbilling: { permissions: ALL, reads: ["open"], writes: ["open", "health", "drop"] },
  doctorxx: { permissions: ALL, reads: ["open"], writes: ["open", "health", "drop"] },
} as const;

const keys = ["open", "card", "health", "drop"] as const;
const names = Object.keys(callers) as (keyof typeof callers)[];
const admin = bearing("token-of-admin");

type World = { readonly own: ServiceWith; readonly userId: bigint; readonly projectId: bigint };

/** A service with such definitions and callers, and a user who has all of the options in two scopes. */
const test = base.extend("world", { scope: "file" }, async ({ databaseUrl, clients }, { onCleanup }): Promise<World> => {
  const file = await registryFile(definitions);
  const tokens = writeCallersFile({
    callers: [
      ...names.map((name) => ({ name, token_sha256: sha256(`token-of-${name}`), permissions: callers[name].permissions })),
      { name: "pay-root", token_sha256: sha256("token-of-admin"), permissions: [...ALL, "options.read_sensitive"] },
    ],
  });
  const own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path, TOKEN_FILE: tokens });
  onCleanup(async () => {
    await own[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  });
  const client = clients["grpc-js"];
  const { id: userId } = await createUser(client);
  const { id: organizationId } = await createOrganization(client);
  const { id: projectId } = await createProject(client, organizationId);
  for (const key of keys) {
    await client.options.setOption({ userId, key, value: value(`secret of ${key}`) });
    await client.options.setOption({ userId, key, projectId, value: value(`secret of ${key}`) });
    await client.options.setScopeOption({ target: { case: "projectId", value: projectId }, key, value: value(`secret of ${key}`) });
  }
  return { own, userId, projectId };
});

const sorted = (found: readonly { readonly key: string }[]): readonly string[] => [...new Set(found.map(({ key }) => key))].sort();

describe.for(names)("the caller %s", (name) => {
  const { reads, writes } = callers[name];
  const as = bearing(`token-of-${name}`);
  const readable: readonly string[] = reads;
  const shown = [...readable].sort();

  test("gets of lists and resolutions the keys that it may read, and no others", async ({ world: { own, userId, projectId } }) => {
    const { options } = own;
    const target = { case: "projectId" as const, value: projectId };
    const many = Array.from({ length: 10_001 }, (_, index) => BigInt(index) + 9_000_000_000n);
    for (let times = 0; times < 2; times += 1) {
      expect(sorted((await options.listOptions({ userId }, as)).options)).toEqual(shown);
      expect(sorted((await options.listOptions({ userId, projectId }, as)).options)).toEqual(shown);
      expect(sorted((await options.listOptions({ userId, allScopes: true }, as)).options)).toEqual(shown);
      expect(sorted((await options.batchGetOptions({ userIds: [userId] }, as)).results[0]?.options ?? [])).toEqual(shown);
      expect(sorted((await options.listScopeOptions({ target }, as)).options)).toEqual(shown);
      const resolved = (await options.resolveOptions({ userIds: [userId], projectId, explain: true }, as)).results[0]?.options ?? [];
      expect(sorted(resolved)).toEqual(shown);
      // The cache holds all of them: who may read them all still gets them.
      expect((await options.listOptions({ userId }, admin)).options).toHaveLength(4);
    }
    const far = await options.batchGetOptions({ userIds: [userId], projectIds: [projectId, ...many.slice(0, 999)] }, as);
    expect(sorted(far.results[0]?.options ?? [])).toEqual(shown);
    expect((await options.listOptions({ userId, pageSize: 1 }, as)).options).toHaveLength(1);
  });

  test.for(keys)("is refused when it names %s and may not read it, whether it is there or not", async (key, { world }) => {
    const { own, userId, projectId } = world;
    const { options } = own;
    const target = { case: "projectId" as const, value: projectId };
    const calls = (id: bigint) => [
      options.getOption({ userId: id, key }, as),
      options.getOption({ userId: id, key, projectId }, as),
      options.batchGetOptions({ userIds: [id], keys: ["open", key] }, as),
      options.resolveOptions({ userIds: [id], keys: [key], explain: true }, as),
      options.listOptionRevisions({ userId: id, key }, as),
      options.getScopeOption({ target, key }, as),
      ...(key === "card" || key === "health" ? [options.findUsersByOption({ key, equals: value(`secret of ${key}`) }, as)] : []),
      options.applyOptionChanges(
        {
          userId: id,
          changes: [{ change: { case: "set", value: { key: "open", value: value(1) } } }],
          preconditions: [{ key, condition: { case: "mustExist", value: true } }],
          validateOnly: true,
        },
        as,
      ),
    ];
    if (readable.includes(key)) {
      await Promise.all(calls(userId));
      return;
    }
    for (const id of [userId, 9_000_000_000_000n]) {
      const refusals = await Promise.all(calls(id).map((call) => expectRefusal(call, "PermissionDenied", "OPTION_KEY_FORBIDDEN")));
      for (const { info, error } of refusals) {
        expect(info?.metadata).toEqual({ key });
        expect(error.message).not.toContain("secret");
      }
    }
  });

  test.for(keys)(
    "writes %s if it may, and gets no value back that it may not read",
    async (key, { world: { own, projectId }, clients }) => {
      const { options } = own;
      const { id: userId } = await createUser(clients["grpc-js"]);
      const target = { case: "projectId" as const, value: projectId };
      const sent = { userId, key, value: value("sent") };
      const change = { change: { case: "set" as const, value: { key, value: value("sent") } } };
      const calls = [
        () => options.setOption(sent, as),
        () => options.applyOptionChanges({ userId, changes: [change] }, as),
        () => options.batchSetOptions({ entries: [sent] }, as),
        () => options.deleteOption({ userId, key }, as),
        () => options.setScopeOption({ target, key, value: value(`secret of ${key}`) }, as),
      ];
      const mayWrite = (writes as readonly string[]).includes(key);
      for (const call of calls) {
        const answer = await call().catch((error: unknown) => error);
        const text = JSON.stringify(answer, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part));
        if (mayWrite) {
          expect(text).not.toContain("OPTION_KEY_FORBIDDEN");
          expect(text.includes("sent") || text.includes("secret")).toBe(readable.includes(key));
        } else if (answer instanceof Error) await expectRefusal(Promise.reject(answer), "PermissionDenied", "OPTION_KEY_FORBIDDEN");
        else expect(answer).toMatchObject({ results: [{ result: { case: "error" } }] });
      }
      if (!mayWrite) {
        await expectRefusal(options.deleteScopeOption({ target, key }, as), "PermissionDenied", "OPTION_KEY_FORBIDDEN");
        await expectRefusal(options.restoreOption({ userId, key, revisionId: 1n }, as), "PermissionDenied", "OPTION_KEY_FORBIDDEN");
        return;
      }
      const { revisions } = await clients["grpc-js"].options.listOptionRevisions({ userId, key });
      const { revisionId = 0n } = revisions.find(({ deleted }) => !deleted) ?? {};
      const { option } = await options.restoreOption({ userId, key, revisionId }, as);
      expect(option?.value !== undefined).toBe(readable.includes(key));
    },
  );
});

test("a change of the definitions holds for the next call", async ({ databaseUrl, clients }) => {
  await using file = await registryFile("k: { description: For all., type: any }");
  await using own = await serviceWith(databaseUrl, { OPTION_DEFINITIONS: file.path });
  const { id: userId } = await createUser(clients["grpc-js"]);
  await own.options.setOption({ userId, key: "k", value: value(1) });
  await file.write("k: { description: For some., type: any, readers: [other] }");
  await own.app.reload();
  await expectRefusal(own.options.getOption({ userId, key: "k" }), "PermissionDenied", "OPTION_KEY_FORBIDDEN");
  await file.write("k: { description: For some., type: any, readers: [lo*l] }");
  await own.app.reload();
  expect(await own.options.getOption({ userId, key: "k" })).toMatchObject({ found: true });
  expect((await own.options.getOptionDefinition({ key: "k" })).definition?.readers).toEqual(["lo*l"]);
  await file.write("k: { description: For some., type: any, readers: [] , writers: [a b] }");
  await own.app.reload();
  expect(await own.options.getOption({ userId, key: "k" }), "a broken file changes nothing").toMatchObject({ found: true });
});
