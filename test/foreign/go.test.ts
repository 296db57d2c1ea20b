import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { unique } from "../support/build.ts";
import { test } from "../support/service.ts";
import { startSecureService } from "./secure-service.ts";
import { needTools, root, run, runOk, temporaryFolder } from "./tools.ts";

// The first run on a machine compiles gRPC for Go.
test("a client in Go, generated from proto/, creates, sets, reads and is refused, on both ports", { timeout: 300_000 }, async ({
  service,
  databaseUrl,
  skip,
}) => {
  needTools(skip, "openssl", "go", "protoc-gen-go", "protoc-gen-go-grpc");
  await using folder = await temporaryFolder();
  await cp(join(root, "test/foreign/go"), folder.path, { recursive: true });
  const template = join(folder.path, "buf.gen.yaml");
  await runOk("buf", ["generate", root, "--path", join(root, "proto/userd/v1"), "--template", template, "--output", folder.path]);
  await runOk("go", ["build", "-mod=readonly", "-o", "client", "."], { cwd: folder.path });
  const ports = [[service.grpcAddress, "health"], [service.httpAddress]] as const;
  for (const [address, ...more] of ports) {
    const outcome = await run(join(folder.path, "client"), [formatAddress(address), unique(), ...more]);
    expect(outcome).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
  }
  await using secure = await startSecureService(databaseUrl);
  const call = (address: string, env: NodeJS.ProcessEnv) => run(join(folder.path, "client"), [address, unique()], { env });
  for (const address of [secure.grpcAddress, secure.httpAddress]) {
    expect(await call(address, secure.mutual)).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
    expect((await call(address, secure.unknown)).stderr).toContain("Unauthenticated");
    // Go shows no certificate that the server has not asked for.
    expect((await call(address, secure.strange)).stderr).toContain("Unauthenticated");
  }
});
