import { readFileSync } from "node:fs";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { credentials } from "@grpc/grpc-js";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import type { ListenAddress } from "../../src/settings.ts";
import type { KeyPair } from "../support/certificates.ts";
import { createGrpcJsTransport } from "../support/grpc-js-transport.ts";

/** The clients that the cases of TLS go through. */
export const secureKinds = ["grpc-js", "Connect over HTTP/1.1", "Connect over HTTP/2", "gRPC of Connect"] as const;

/** One of them. */
export type SecureKind = (typeof secureKinds)[number];

type Ports = { readonly grpcAddress: ListenAddress; readonly httpAddress: ListenAddress };

/** Opens a connection over TLS that trusts the certificate in a file, and shows one of its own if it is told to. */
export const connectSecurely = (kind: SecureKind, ports: Ports, ca: string, shown?: KeyPair) => {
  const own = shown === undefined ? {} : { cert: readFileSync(shown.cert), key: readFileSync(shown.key) };
  const nodeOptions = { ca: readFileSync(ca), ...own };
  const [grpc, http] = [`localhost:${ports.grpcAddress.port}`, `https://localhost:${ports.httpAddress.port}`];
  let close = () => {};
  const open = (): Transport => {
    switch (kind) {
      case "grpc-js": {
        const transport = createGrpcJsTransport(grpc, 5_000, credentials.createSsl(nodeOptions.ca, own.key, own.cert));
        close = () => transport.close();
        return transport;
      }
      case "Connect over HTTP/1.1":
        return createConnectTransport({ baseUrl: http, httpVersion: "1.1", nodeOptions, defaultTimeoutMs: 5_000 });
      case "Connect over HTTP/2":
        return createConnectTransport({ baseUrl: http, httpVersion: "2", nodeOptions, defaultTimeoutMs: 5_000 });
      case "gRPC of Connect":
        return createGrpcTransport({ baseUrl: `https://${grpc}`, nodeOptions, defaultTimeoutMs: 5_000 });
    }
  };
  const options: Client<typeof UserOptionService> = createClient(UserOptionService, open());
  return { options, [Symbol.dispose]: () => close() };
};
