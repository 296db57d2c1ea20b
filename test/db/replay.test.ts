import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect } from "vitest";
import { createAccount, createOrganization, createProfile, createProject, createTeam, createUser, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

describe("a replay by request_id gets the first answer, whatever has changed since:", () => {
  test("SetOption and ApplyOptionChanges, whose expire_time has passed", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const expireTime = timestampFromMs(Date.now() + 1_500);
    const set = { userId, key: "a", value: value(1), expireTime, requestId: randomUUID() };
    const changes = [{ change: { case: "set", value: { key: "b", value: value(1), expireTime } } } as const];
    const apply = { userId, changes, requestId: randomUUID() };
    const first = [await options.setOption(set), await options.applyOptionChanges(apply)];
    await delay(Math.max(0, Number(expireTime.seconds) * 1_000 + expireTime.nanos / 1e6 - Date.now() + 20));
    expect([await options.setOption(set), await options.applyOptionChanges(apply)]).toEqual(first);

    const late = await expectRefusal(options.setOption({ ...set, requestId: randomUUID() }), "InvalidArgument", "FIELD_INVALID");
    expect(late.fields).toEqual(["expire_time"]);
    const lateChange = await expectRefusal(options.applyOptionChanges({ ...apply, requestId: "" }), "InvalidArgument", "FIELD_INVALID");
    expect(lateChange.fields).toEqual(["changes[0].set.expire_time"]);
    // Another request under the same id stays one.
    await expectRefusal(options.setOption({ ...set, value: value(2) }), "InvalidArgument", "REQUEST_ID_REUSED");
  });

  test("PurgeProject and PurgeTeam, whose project and team are gone", async ({ clients }) => {
    const { organizations } = clients["grpc-js"];
    const { id: organizationId } = await createOrganization(clients["grpc-js"]);
    const [project, team] = [await createProject(clients["grpc-js"], organizationId), await createTeam(clients["grpc-js"], organizationId)];
    const purges = { project: { id: project.id, requestId: randomUUID() }, team: { id: team.id, requestId: randomUUID() } };
    const first = [await organizations.purgeProject(purges.project), await organizations.purgeTeam(purges.team)];
    expect([await organizations.purgeProject(purges.project), await organizations.purgeTeam(purges.team)]).toEqual(first);
    await expectRefusal(organizations.purgeProject({ id: project.id }), "NotFound", "PROJECT_NOT_FOUND");
    await expectRefusal(organizations.purgeTeam({ id: team.id, requestId: randomUUID() }), "NotFound", "TEAM_NOT_FOUND");
  });

  test("AddProjectTeam and DeleteProject, whose project was purged", async ({ clients }) => {
    const { organizations } = clients["grpc-js"];
    const { id: organizationId } = await createOrganization(clients["grpc-js"]);
    const [project, team] = [await createProject(clients["grpc-js"], organizationId), await createTeam(clients["grpc-js"], organizationId)];
    const add = { projectId: project.id, teamId: team.id, requestId: randomUUID() };
    const remove = { id: project.id, requestId: randomUUID() };
    const first = [await organizations.addProjectTeam(add), await organizations.deleteProject(remove)];
    await organizations.purgeProject({ id: project.id });
    expect([await organizations.addProjectTeam(add), await organizations.deleteProject(remove)]).toEqual(first);
    await expectRefusal(organizations.addProjectTeam({ ...add, requestId: "" }), "NotFound", "PROJECT_NOT_FOUND");
    await expectRefusal(organizations.deleteProject({ id: project.id }), "NotFound", "PROJECT_NOT_FOUND");
  });

  test("DeleteProfile, whose profile is gone", async ({ clients }) => {
    const { profiles } = clients["grpc-js"];
    const [user, account] = [await createUser(clients["grpc-js"]), await createAccount(clients["grpc-js"])];
    const { id } = await createProfile(clients["grpc-js"], user.id, account.id);
    const remove = { id, requestId: randomUUID() };
    const first = await profiles.deleteProfile(remove);
    expect(await profiles.deleteProfile(remove)).toEqual(first);
  });
});
