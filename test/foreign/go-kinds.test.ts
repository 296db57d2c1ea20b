import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { imageOf } from "../../src/kinds/mounted/image.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { KINDS, kindsOf, test } from "../kinds/mounted/service.ts";
import { createOrganization } from "../support/build.ts";
import { needTools, root, run, runOk, temporaryFolder } from "./tools.ts";

test("a client in Go of a team's kinds, generated from their image, creates, filters and is refused", { timeout: 300_000 }, async ({
  service,
  clients,
  skip,
}) => {
  needTools(skip, "go", "protoc-gen-go", "protoc-gen-go-grpc");
  await using folder = await temporaryFolder();
  await cp(join(root, "test/foreign/go"), folder.path, { recursive: true });
  const image = join(folder.path, "image.binpb");
  await writeFile(image, imageOf(kindsOf(KINDS)));
  const template = join(folder.path, "tickets.gen.yaml");
  const paths = ["acme", "userd/v1"].flatMap((path) => ["--path", path]);
  await runOk("buf", ["generate", image, ...paths, "--template", template, "--output", folder.path]);
  await runOk("go", ["build", "-mod=readonly", "-o", "client", "./tickets"], { cwd: folder.path });
  const { id } = await createOrganization(clients["grpc-js"]);
  const outcome = await run(join(folder.path, "client"), [formatAddress(service.grpcAddress), String(id)]);
  expect(outcome).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
});
