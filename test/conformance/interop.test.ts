import { test as base, describe, expect } from "vitest";
import { needTools, run } from "../foreign/tools.ts";
import { startSuiteListeners } from "./listeners.ts";

const test = base.extend("listeners", { scope: "file" }, async ({}, { onCleanup }) => {
  const listeners = await startSuiteListeners(4 * 1024 * 1024);
  const direct = await startSuiteListeners(4 * 1024 * 1024, "http2");
  onCleanup(async () => {
    await listeners[Symbol.asyncDispose]();
    await direct[Symbol.asyncDispose]();
  });
  return { ...listeners, directAddress: direct.grpcAddress };
});

/** The cases of grpc-go's interop client that need no stream in both directions, besides one that only waits for its deadline. */
const cases = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "cancel_after_begin",
  "timeout_on_sleeping_server",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
];

describe.for(["grpcAddress", "directAddress", "httpAddress"] as const)(
  "grpc-go's interop client, at %s",
  { timeout: 60_000 },
  (address) => {
    test.for(cases)("%s", async (name, { listeners, skip }) => {
      needTools(skip, "grpc-interop-client");
      const { host, port } = listeners[address];
      const { code, stderr } = await run("grpc-interop-client", [`--server_host=${host}`, `--server_port=${port}`, `--test_case=${name}`]);
      expect(code, stderr).toBe(0);
    });
  },
);
