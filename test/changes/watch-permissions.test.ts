import { describe, expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { ChangePayload } from "../../src/gen/userd/v1/change_pb.ts";
import { bearing, sha256, writeCallersFile } from "../server/callers/callers-file.ts";
import { createOrganization, createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base, clientKinds, testConfig } from "../support/service.ts";
import { watch } from "./watch-fixture.ts";

/** The callers of the service below: what each of them may do. */
const callers = {
  watcher: ["changes.read"],
  "options-reader": ["changes.read", "options.read"],
  stranger: ["users.read", "options.read", "access.read"],
};

/** A service of the same database that asks who calls. */
const test = base.extend("guarded", { scope: "file" }, async ({ databaseUrl, service: _ }, { onCleanup }) => {
  const entries = Object.entries(callers).map(([name, permissions]) => ({ name, permissions, token_sha256: sha256(name) }));
  const settings = { TOKEN_FILE: writeCallersFile({ callers: entries }), INSECURE: "true", PLAINTEXT: "true" };
  const app = await startApp(testConfig(databaseUrl, settings), silent, { migrate: false });
  const clients = createClients(app);
  onCleanup(async () => {
    clients.close();
    await app[Symbol.asyncDispose]();
  });
  return clients.byKind;
});

const payload = ChangePayload.CURRENT;

describe.for(clientKinds)("%s", (kind) => {
  test("a watcher sees that something changed, and what it is now only where it may read the kind", async ({
    guarded: { [kind]: guarded },
    clients: { [kind]: own },
  }) => {
    const user = await createUser(own);
    const request = { filter: { userIds: [user.id] }, payload };
    await using blind = watch(guarded, request, bearing("watcher"));
    await using reader = watch(guarded, request, bearing("options-reader"));
    for (const stream of [blind, reader]) await stream.message();
    await own.options.setOption({ userId: user.id, key: "layout", value: value("canary") });
    await own.users.updateUser({ user: { id: user.id, name: "Canary" } });
    const seen = await blind.changes(2);
    expect(seen.map(({ kind: of, key, changedFields, current }) => [of, key, changedFields, current])).toEqual([
      ["user_option", "0/0/layout", [], undefined],
      ["users", String(user.id), ["name"], undefined],
    ]);
    expect((await reader.changes(2)).map(({ current }) => current?.resource.case)).toEqual(["userOption", undefined]);
  });

  test("a snapshot of a kind that the watcher may not read is refused, with the permission that it lacks", async ({
    guarded: { [kind]: guarded },
    clients: { [kind]: own },
  }) => {
    const { id } = await createOrganization(own);
    const filter = { organizationIds: [id], kinds: ["user_option", "organization"] };
    const stream = watch(guarded, { filter, payload, start: { case: "snapshot", value: true } }, bearing("options-reader"));
    const { info } = await expectRefusal(stream.end(), "PermissionDenied", "PERMISSION_REQUIRED");
    expect(info?.metadata).toEqual({ permission: "users.read" });
  });

  test("whoever may not read changes neither watches nor learns the position", async ({ guarded: { [kind]: guarded } }) => {
    const without = bearing("stranger");
    await expectRefusal(watch(guarded, {}, without).end(), "PermissionDenied", "PERMISSION_REQUIRED");
    await expectRefusal(guarded.changes.getFeedPosition({}, without), "PermissionDenied", "PERMISSION_REQUIRED");
    await expectRefusal(watch(guarded, {}).end(), "Unauthenticated", "CREDENTIALS_REQUIRED");
  });
});
