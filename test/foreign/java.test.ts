import { globSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { startRefusing } from "../server/refusing.ts";
import { unique } from "../support/build.ts";
import { test } from "../support/service.ts";
import { startSecureService } from "./secure-service.ts";
import { javaLibraries, needTools, root, run, runOk, temporaryFolder } from "./tools.ts";

/** Compiling half a million lines takes a quiet machine 20 s; optimizing the compiler for it would take it longer. */
const quick = ["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"];

test("a client in Java, generated from proto/, is served and refused by both ports", { timeout: 300_000 }, async ({
  service,
  databaseUrl,
  skip,
}) => {
  needTools(skip, "openssl", "java", "javac", "protoc", "protoc-gen-grpc-java");
  await using folder = await temporaryFolder();
  await using refusing = await startRefusing();
  const template = join(root, "test/foreign/java/buf.gen.yaml");
  const paths = ["userd/v1", "buf/validate"].flatMap((path) => ["--path", join(root, "proto", path)]);
  await runOk("buf", ["generate", root, ...paths, "--template", template, "--output", folder.path]);
  const classpath = `${join(javaLibraries, "*")}:${folder.path}`;
  const stubs = globSync("**/*.java", { cwd: folder.path }).map((file) => join(folder.path, file));
  // They are named in a file: what an error shows is what javac says.
  const files = join(folder.path, "files");
  await writeFile(files, [join(root, "test/foreign/java/Client.java"), ...stubs].join("\n"));
  await runOk("javac", [...quick, "-nowarn", "-proc:none", "-cp", classpath, "-d", folder.path, `@${files}`]);
  const ports = [
    // On the gRPC port grpc-js answers what is unknown, without a reason.
    { of: service.grpcAddress, refusingOf: refusing.grpcAddress, reason: "" },
    { of: service.httpAddress, refusingOf: refusing.httpAddress, reason: "METHOD_NOT_FOUND" },
  ];
  for (const { of, refusingOf, reason } of ports) {
    const args = ["-cp", classpath, "Client", formatAddress(of), formatAddress(refusingOf), unique(), reason];
    expect(await run("java", args)).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
  }
  await using secure = await startSecureService(databaseUrl);
  const call = (env: NodeJS.ProcessEnv) => {
    const args = [...quick, "-cp", classpath, "Client", secure.grpcAddress, "", unique(), ""].map((arg) => arg.replace(/^-J/, ""));
    return run("java", args, { env });
  };
  expect(await call(secure.mutual)).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
  expect((await call(secure.unknown)).stderr).toContain("UNAUTHENTICATED");
});
