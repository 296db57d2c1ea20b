import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../../src/server/sockets.ts";
import { RETRY_AFTER_MS, startRefusingProxy } from "../../examples/refusing-proxy.ts";
import { needTools, root, runOk, temporaryFolder, venvPython } from "../../foreign/tools.ts";
import { test } from "../../support/service.ts";

test("the client in Python is built, passes its own tests on a service, and runs its example", { timeout: 180_000 }, async ({
  service,
  skip,
}) => {
  needTools(skip, venvPython);
  await using proxy = await startRefusingProxy(service.grpcAddress);
  await using folder = await temporaryFolder();
  const client = join(folder.path, "clients/python");
  await cp(join(root, "clients/python"), client, { recursive: true });
  await cp(join(root, "proto"), join(folder.path, "proto"), { recursive: true });
  await runOk(venvPython, ["generate.py"], { cwd: client });
  // What is not in the wheel is not tested: the sources are not in the path.
  await runOk(venvPython, ["-m", "build", "--wheel", "--no-isolation", "--outdir", folder.path], { cwd: client });
  const [wheel = ""] = (await readdir(folder.path)).filter((name) => name.endsWith(".whl"));
  const installed = join(folder.path, "installed");
  await runOk(venvPython, ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", installed, join(folder.path, wheel)]);
  const env = {
    PYTHONPATH: installed,
    PYTHONDONTWRITEBYTECODE: "1",
    USERD_ADDRESS: formatAddress(service.grpcAddress),
    USERD_REFUSING_ADDRESS: formatAddress(proxy.address),
  };
  await runOk(venvPython, ["tests/test_client.py"], { cwd: client, env });
  for (const rpc of ["CreateUser", "SetOption", "GetOption"]) expect(proxy.waits.get(rpc), rpc).toBeGreaterThanOrEqual(RETRY_AFTER_MS - 1);
  expect(await runOk(venvPython, ["examples/hello.py"], { cwd: client, env })).toBe("Ann Example\nEurope/Vienna\nTrue\nTrue\n");
});
