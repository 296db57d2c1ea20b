import { describe, expect } from "vitest";
import { createAccount, createOrganization, createProfile, createProject, createTeam, createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

describe.for(["grpc-js", "Connect JSON"] as const)("an update_mask, through %s,", (kind) => {
  test("that names nothing is as absent, in every Update RPC", async ({ clients }) => {
    const { users, organizations, profiles } = clients[kind];
    const updateMask = { paths: [] };
    const user = await createUser(clients[kind]);
    const { id: organizationId } = await createOrganization(clients[kind]);
    const [project, team] = [await createProject(clients[kind], organizationId), await createTeam(clients[kind], organizationId)];
    const account = await createAccount(clients[kind]);
    const profile = await createProfile(clients[kind], user.id, account.id);
    const { role } = await users.createRole({ role: { name: unique(), permissions: [] } });
    const name = unique("Name ");

    expect((await users.updateUser({ user: { id: user.id, name }, updateMask })).user?.name).toBe(name);
    expect((await users.updateRole({ role: { name: role?.name ?? "", permissions: ["a.b"] }, updateMask })).role?.permissions).toEqual([
      "a.b",
    ]);
    const organization = { id: organizationId, name };
    expect((await organizations.updateOrganization({ organization, updateMask })).organization?.name).toBe(name);
    expect((await organizations.updateProject({ project: { id: project.id, name }, updateMask })).project?.name).toBe(name);
    expect((await organizations.updateTeam({ team: { id: team.id, name }, updateMask })).team?.name).toBe(name);
    expect((await profiles.updateAccount({ account: { id: account.id, name }, updateMask })).account?.name).toBe(name);
    expect((await profiles.updateProfile({ profile: { id: profile.id, name }, updateMask })).profile?.name).toBe(name);
  });

  test("may name a field twice, and all of them", async ({ clients }) => {
    const { users } = clients[kind];
    const { id } = await createUser(clients[kind]);
    const [one, two] = [unique(), unique()];
    expect((await users.updateUser({ user: { id, name: one }, updateMask: { paths: ["name", "name"] } })).user?.name).toBe(one);
    const { role } = await users.createRole({ role: { name: two, permissions: ["a.b"] } });
    expect((await users.updateRole({ role: { name: role?.name ?? "" }, updateMask: { paths: ["*"] } })).role?.permissions).toEqual([]);
  });
});

test.for([[" name"], ["name,email"], ["displayName"], [""], ["name", "nmae"], ["name."]])(
  "an update_mask in the binary form that names what is no field is refused: %j",
  async (paths, { clients }) => {
    const { users } = clients["grpc-js"];
    const { id, name } = await createUser(clients["grpc-js"]);
    const update = users.updateUser({ user: { id, name: "x" }, updateMask: { paths: [...paths] } });
    expect((await expectRefusal(update, "InvalidArgument", "FIELD_INVALID")).fields).toEqual(["update_mask"]);
    expect((await users.getUser({ id })).user?.name).toBe(name);
  },
);

test.for([
  ['"display_name"', "a proto name"],
  ['"name, email"', "a blank"],
  ['","', "nothing twice"],
  ['["name"]', "a list"],
  ['{"paths": ["name"]}', "the message's own form"],
])("in JSON an update_mask of %s is refused: %s", async ([mask], { service, clients }) => {
  const { id } = await createUser(clients["grpc-js"]);
  const { host, port } = service.httpAddress;
  const response = await fetch(`http://${host}:${port}/userd.v1.UserService/UpdateUser`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"user": {"id": ${id}, "name": "x"}, "updateMask": ${mask}}`,
  });
  expect({ status: response.status, body: await response.text() }).toEqual({ status: 400, body: expect.stringContaining("update_mask") });
});

test('updateMask: "" in JSON is as absent', async ({ service, clients }) => {
  const { id } = await createUser(clients["grpc-js"]);
  const { host, port } = service.httpAddress;
  await fetch(`http://${host}:${port}/userd.v1.UserService/UpdateUser`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"user": {"id": ${id}, "name": "Ann"}, "updateMask": ""}`,
  });
  expect((await clients["grpc-js"].users.getUser({ id })).user?.name).toBe("Ann");
});
