import { describe, expect } from "vitest";
import type { App } from "../../src/app.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createUser } from "../support/build.ts";
import { test } from "../support/service.ts";
import { needTools, run } from "./tools.ts";

/** grpcurl without any proto at hand: what it knows it learns from the service. */
const grpcurl = async (service: App, target: string[], message?: object) => {
  const args = ["-plaintext", "-format-error", ...(message === undefined ? [] : ["-d", JSON.stringify(message)])];
  return await run("grpcurl", [...args, formatAddress(service.grpcAddress), ...target]);
};

describe("grpcurl, through reflection alone", () => {
  test.beforeEach(({ skip }) => needTools(skip, "grpcurl"));

  test("lists the services", async ({ service }) => {
    const { stdout } = await grpcurl(service, ["list"]);
    expect(stdout.trim().split("\n")).toEqual(
      expect.arrayContaining(["grpc.health.v1.Health", "userd.v1.UserOptionService", "userd.v1.UserService"]),
    );
  });

  test("describes an RPC with its permission and errors, and a request with its rules", async ({ service }) => {
    const rpc = await grpcurl(service, ["describe", "userd.v1.UserOptionService.GetOption"]);
    expect(rpc.stdout).toContain('option (.userd.v1.permission) = "options.read";');
    expect(rpc.stdout).toContain("option (.userd.v1.reads) = READS_CACHE;");
    expect(rpc.stdout).toContain("USER_NOT_FOUND");
    const message = await grpcurl(service, ["describe", "userd.v1.GetOptionRequest"]);
    const options = ["(.buf.validate.field) = { int64: { gt: 0 } }", "(.google.api.field_behavior) = REQUIRED"].join(", ");
    expect(message.stdout.replaceAll(/\s+/g, " ")).toContain(`int64 user_id = 1 [ ${options} ];`);
  });

  test("creates a user, sets an option and reads both", async ({ service }) => {
    const created = await grpcurl(service, ["userd.v1.UserService/CreateUser"], { user: { email: "curl@example.com" } });
    const { id } = JSON.parse(created.stdout).user;
    const got = await grpcurl(service, ["userd.v1.UserService/GetUser"], { id });
    expect(JSON.parse(got.stdout).user).toEqual(JSON.parse(created.stdout).user);
    const option = { user_id: id, key: "zones", organization_id: 3 };
    const value = { zones: ["Europe/Vienna", null], dst: true };
    const set = await grpcurl(service, ["userd.v1.UserOptionService/SetOption"], { ...option, value });
    expect(JSON.parse(set.stdout)).toMatchObject({ created: true, changed: true });
    const read = await grpcurl(service, ["userd.v1.UserOptionService/GetOption"], option);
    expect(JSON.parse(read.stdout)).toMatchObject({ found: true, value });
  });

  test("ends with the code of the error and shows its details", async ({ service, clients }) => {
    const { id } = await createUser(clients["grpc-js"]);
    const unknown = await grpcurl(service, ["userd.v1.UserService/GetUser"], { id: "9000000000000" });
    // grpcurl's exit code is 64 and the gRPC code: 5, NOT_FOUND.
    expect(unknown.code).toBe(69);
    expect(JSON.parse(unknown.stderr)).toMatchObject({ code: 5, details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo" }] });
    const both = { user_id: id.toString(), key: "k", project_id: 1, organization_id: 1 };
    expect(await grpcurl(service, ["userd.v1.UserOptionService/GetOption"], both)).toMatchObject({ code: 67 });
  });

  test("reads the health of the server and of a service", async ({ service }) => {
    for (const of of ["", "userd.v1.UserService"]) {
      const { stdout } = await grpcurl(service, ["grpc.health.v1.Health/Check"], { service: of });
      expect(JSON.parse(stdout)).toEqual({ status: "SERVING" });
    }
  });
});
