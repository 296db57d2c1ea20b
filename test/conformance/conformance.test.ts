import { create, toBinary } from "@bufbuild/protobuf";
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { test as base, describe, expect } from "vitest";
import type { ListenAddress } from "../../src/settings.ts";
import { needTools, root, run } from "../foreign/tools.ts";
import { startBare } from "./bare.ts";
import { ServerCompatResponseSchema } from "./gen/connectrpc/conformance/v1/server_compat_pb.ts";
import { startSuiteListeners } from "./listeners.ts";

/** The largest message of the suite's cases that have a limit; none of the others sends a larger one. */
const MAX_REQUEST_BYTES = 200 * 1024;

const test = base.extend("listeners", { scope: "file" }, async ({}, { onCleanup }) => {
  const listeners = await startSuiteListeners(MAX_REQUEST_BYTES);
  onCleanup(() => listeners[Symbol.asyncDispose]());
  return listeners;
});

/** What a run of the suite came to: how many cases there are, and the names of those that failed. */
type Outcome = { readonly total: number; readonly failed: string[] };

/** Tells whether a case failed for nothing but that grpc-js pads the details of errors, which the suite would rather have without. */
const isPadding = (complaint: string): boolean =>
  /^\s*trailers include 'grpc-status-details-bin' value with padding but servers should emit unpadded: \S+\s*$/.test(complaint);

/** Runs Connect's conformance suite against a server that is open, or those cases of it that are named. */
const runSuite = async (port: "http" | "grpc", address: ListenAddress, only: readonly string[] = []): Promise<Outcome> => {
  const answer = toBinary(ServerCompatResponseSchema, create(ServerCompatResponseSchema, address));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(answer.length);
  const server = [process.execPath, "test/conformance/address.js", Buffer.concat([length, answer]).toString("base64")];
  const options = ["--mode", "server", "--conf", `test/conformance/${port}.yaml`, "--max-servers", "2", "--parallel", "16"];
  options.push(...only.flatMap((name) => ["--run", name]));
  const { stdout, stderr } = await run("connectconformance", [...options, "--", ...server], { cwd: root });
  const text = stdout + stderr;
  const [, total] = /^Total cases: (\d+)$/m.exec(text) ?? expect.fail(`The runner did not come to an end:\n${text.slice(0, 2_000)}`);
  const failed = Array.from(text.matchAll(/^FAILED: (.*):\n((?:\t.*\n)*)/gm), ([, name = "", complaint = ""]) => ({ name, complaint }));
  return {
    total: Number(total),
    failed: failed
      .filter(({ complaint }) => !isPadding(complaint))
      .map(({ name }) => name)
      .sort(),
  };
};

/** How often cases with a deadline of a moment are tried again by themselves. */
const TRIES = 2;

/** Tells whether a case measures the clock of a machine that does other things too: the deadline may pass before the request is complete. */
const isTimed = (name: string): boolean => name.startsWith("Timeouts/");

/** The failures that are not expected. Cases that measure the clock are tried again by themselves, and are named when they pass then. */
const unexpected = async (port: "http" | "grpc", address: ListenAddress, { failed }: Outcome, expected: readonly string[]) => {
  const odd = failed.filter((name) => !expected.includes(name));
  let timed = odd.filter(isTimed);
  for (let tries = 0; tries < TRIES && timed.length > 0; tries += 1) {
    const again = (await runSuite(port, address, timed)).failed;
    const passed = timed.filter((name) => !again.includes(name));
    if (passed.length > 0) process.stderr.write(`UNSTEADY: ${passed.join(", ")}\n`);
    timed = timed.filter((name) => again.includes(name));
  }
  return odd.filter((name) => !isTimed(name) || timed.includes(name));
};

/**
 * A message that says it is compressed, in a call that names no compression. The suite wants INTERNAL; userd calls what a
 * client sends wrongly INVALID_ARGUMENT, since INTERNAL is for faults of its own.
 */
const deliberate = [
  "Connect Unexpected Requests/HTTPVersion:1/TLS:false/unexpected-compressed-message",
  "Connect Unexpected Requests/HTTPVersion:2/TLS:false/unexpected-compressed-message",
  "gRPC Unexpected Requests/HTTPVersion:2/TLS:false/unexpected-compressed-message",
  "gRPC-Web Unexpected Requests/HTTPVersion:1/TLS:false/unexpected-compressed-message",
  "gRPC-Web Unexpected Requests/HTTPVersion:2/TLS:false/unexpected-compressed-message",
];

let bareOutcome: Promise<Outcome> | undefined;

/** Runs the suite against a bare grpc-js server, once. */
const runBare = (): Promise<Outcome> => {
  setLogVerbosity(logVerbosity.NONE);
  bareOutcome ??= startBare(MAX_REQUEST_BYTES).then((address) => runSuite("grpc", address));
  return bareOutcome;
};

describe("Connect's conformance suite", { timeout: 300_000 }, () => {
  test("fails on the HTTP port where userd means to differ, and nowhere else", async ({ listeners, skip }) => {
    needTools(skip, "connectconformance");
    const ours = await runSuite("http", listeners.httpAddress);
    expect(await unexpected("http", listeners.httpAddress, ours, deliberate)).toEqual([]);
    expect(ours.failed).toEqual(expect.arrayContaining(deliberate));
    expect(ours.total).toBeGreaterThan(1_500);
  });

  test("fails on the gRPC port only where a bare grpc-js server does", async ({ listeners, skip }) => {
    needTools(skip, "connectconformance");
    const bare = await runBare();
    const ours = await runSuite("grpc", listeners.grpcAddress);
    expect(await unexpected("grpc", listeners.grpcAddress, ours, bare.failed)).toEqual([]);
    expect(ours.total).toBe(bare.total);
    expect(ours.failed.length).toBeLessThan(ours.total / 2);
  });

  test("fails on Node's HTTP/2 only where a bare grpc-js server does", async ({ skip }) => {
    needTools(skip, "connectconformance");
    const bare = await runBare();
    await using direct = await startSuiteListeners(MAX_REQUEST_BYTES, "http2");
    const ours = await runSuite("grpc", direct.grpcAddress);
    expect(await unexpected("grpc", direct.grpcAddress, ours, bare.failed)).toEqual([]);
    expect(ours.total).toBe(bare.total);
  });
});
