import { globSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { unique } from "../support/build.ts";
import { test } from "../support/service.ts";
import { needTools, root, run, runOk, temporaryFolder, venvPython } from "./tools.ts";

const client = join(root, "test/foreign/python/client.py");

test("a client in Python, generated from proto/, creates, sets, reads and is refused, on both ports", { timeout: 60_000 }, async ({
  service,
  skip,
}) => {
  needTools(skip, venvPython);
  await using folder = await temporaryFolder();
  const proto = join(root, "proto");
  const files = globSync(["users/**/*.proto", "buf/**/*.proto"], { cwd: proto });
  const outputs = [`--python_out=${folder.path}`, `--grpc_python_out=${folder.path}`];
  await runOk(venvPython, ["-m", "grpc_tools.protoc", "-I", proto, ...outputs, ...files.sort()]);
  const env = { PYTHONPATH: folder.path, PYTHONDONTWRITEBYTECODE: "1" };
  const ports = [[service.grpcAddress, "health"], [service.httpAddress]] as const;
  for (const [address, ...more] of ports) {
    const outcome = await run(venvPython, [client, formatAddress(address), unique(), ...more], { env });
    expect(outcome).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
  }
});
