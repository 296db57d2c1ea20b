import type { Config } from "../../src/config.ts";

/** The transport of the services of a run of tests: what GRPC_TRANSPORT says, so that any test can be run on either. */
export const testTransport: Config["grpcTransport"] = process.env["GRPC_TRANSPORT"] === "http2" ? "http2" : "grpc-js";
