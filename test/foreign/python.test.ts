import { globSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { unique } from "../support/build.ts";
import { test } from "../support/service.ts";
import { startSecureService } from "./secure-service.ts";
import { needTools, root, run, runOk, temporaryFolder, venvPython } from "./tools.ts";

const client = join(root, "test/foreign/python/client.py");

/** Generates the client of all of the contract into a folder. */
const generate = async (folder: string): Promise<void> => {
  const proto = join(root, "proto");
  const files = globSync(["userd/**/*.proto", "buf/**/*.proto"], { cwd: proto });
  const outputs = [`--python_out=${folder}`, `--grpc_python_out=${folder}`];
  await runOk(venvPython, ["-m", "grpc_tools.protoc", "-I", proto, ...outputs, ...files.sort()]);
};

test("a client in Python, generated from proto/, creates, sets, reads and is refused, on both ports", { timeout: 60_000 }, async ({
  service,
  databaseUrl,
  skip,
}) => {
  needTools(skip, "openssl", venvPython);
  await using folder = await temporaryFolder();
  await generate(folder.path);
  const env = { PYTHONPATH: folder.path, PYTHONDONTWRITEBYTECODE: "1" };
  const ports = [[service.grpcAddress, "health"], [service.httpAddress]] as const;
  for (const [address, ...more] of ports) {
    const outcome = await run(venvPython, [client, formatAddress(address), unique(), ...more], { env });
    expect(outcome).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
  }
  await using secure = await startSecureService(databaseUrl);
  const call = (address: string, files: NodeJS.ProcessEnv) => run(venvPython, [client, address, unique()], { env: { ...env, ...files } });
  for (const address of [secure.grpcAddress, secure.httpAddress]) {
    expect(await call(address, secure.mutual)).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
    expect((await call(address, secure.unknown)).stderr).toContain("UNAUTHENTICATED");
    expect((await call(address, secure.strange)).stderr).toMatch(/UNAVAILABLE/);
  }
});

/** A program of a project that has a package `users` of its own, as most Django projects do. */
const program = `
import sys

import grpc

from userd.v1 import scope_option_pb2 as scopes
from userd.v1 import user_option_service_pb2 as messages
from userd.v1 import user_option_service_pb2_grpc as services
from users import models

options = services.UserOptionServiceStub(grpc.insecure_channel(sys.argv[1]))
target = messages.ListScopeOptionsRequest(global_scope=scopes.GlobalTarget())
options.ListScopeOptions(target, timeout=10)
print(models.OURS)
`;

test("a Python project with a package users of its own uses the client, and can name every field", { timeout: 60_000 }, async ({
  service,
  skip,
}) => {
  needTools(skip, venvPython);
  await using folder = await temporaryFolder();
  await generate(folder.path);
  await mkdir(join(folder.path, "users"));
  await writeFile(join(folder.path, "users", "__init__.py"), "");
  await writeFile(join(folder.path, "users", "models.py"), 'OURS = "ours"\n');
  await writeFile(join(folder.path, "project.py"), program);
  const outcome = await run(venvPython, [join(folder.path, "project.py"), formatAddress(service.grpcAddress)], {
    env: { PYTHONPATH: folder.path, PYTHONDONTWRITEBYTECODE: "1" },
  });
  expect(outcome).toEqual({ code: 0, stdout: "ours\n", stderr: "" });
});
