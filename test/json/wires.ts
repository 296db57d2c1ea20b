import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { detailTypes } from "../../src/status.ts";

/** The protocols of the HTTP port that carry JSON. */
export const wires = ["Connect over HTTP/1.1", "Connect over HTTP/2", "gRPC-Web", "gRPC"] as const;

/** One of them. */
export type Wire = (typeof wires)[number];

const transports = {
  "Connect over HTTP/1.1": (options: object) => createConnectTransport({ httpVersion: "1.1", ...(options as { baseUrl: string }) }),
  "Connect over HTTP/2": (options: object) => createConnectTransport({ httpVersion: "2", ...(options as { baseUrl: string }) }),
  "gRPC-Web": (options: object) => createGrpcWebTransport({ httpVersion: "1.1", ...(options as { baseUrl: string }) }),
  gRPC: (options: object) => createGrpcTransport(options as { baseUrl: string }),
} as const;

const bytesOf = (body: string | Uint8Array): Uint8Array => (typeof body === "string" ? new TextEncoder().encode(body) : body);

/** A client of the options that sends these bytes as the JSON of whatever it is asked to send. */
export const sending = (wire: Wire, baseUrl: string, body: string | Uint8Array) =>
  createClient(
    UserOptionService,
    transports[wire]({
      baseUrl,
      useBinaryFormat: false,
      defaultTimeoutMs: 30_000,
      jsonOptions: { registry: detailTypes, textEncoder: { encode: () => bytesOf(body) } },
    }),
  );
