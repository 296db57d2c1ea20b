import { createRegistry, type DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { App } from "../../src/app.ts";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { ChangeService } from "../../src/gen/userd/v1/change_service_pb.ts";
import { OrganizationService } from "../../src/gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { builtin, type KindSet } from "../../src/schema/kind-set.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { detailTypes } from "../../src/status.ts";
import { createGrpcJsTransport } from "./grpc-js-transport.ts";

/** The clients that every case of the contract suite goes through. */
export const clientKinds = ["grpc-js", "Connect JSON", "gRPC-Web", "Connect gRPC"] as const;

/** The other ways to speak to the HTTP port, for what depends on the protocol: see test/server/protocols.test.ts. */
export const http2Kinds = [
  "gRPC over HTTP/2",
  "gRPC in JSON over HTTP/2",
  "Connect and GET over HTTP/2",
  "Connect and GET in JSON over HTTP/2",
  "gRPC-Web over HTTP/2",
  "gRPC-Web in JSON over HTTP/2",
] as const;

/** One of them. */
export type ClientKind = (typeof clientKinds)[number] | (typeof http2Kinds)[number];

/** The generated clients of all services, over one transport. */
export type Clients = {
  readonly users: Client<typeof UserService>;
  readonly options: Client<typeof UserOptionService>;
  readonly organizations: Client<typeof OrganizationService>;
  readonly profiles: Client<typeof ProfileService>;
  readonly changes: Client<typeof ChangeService>;
  /** The services of kinds, by name. */
  readonly families: Readonly<Record<string, Client<DescService>>>;
  /** The kinds that the service has. */
  readonly kinds: readonly Kind[];
};

/** Far more than a call takes, also on a machine that does much else. */
const patience = { defaultTimeoutMs: 30_000 };

/** The clients of all services over one transport. */
export const clientsOver = (transport: Transport, { kinds, services }: KindSet = builtin): Clients => ({
  kinds,
  users: createClient(UserService, transport),
  options: createClient(UserOptionService, transport),
  organizations: createClient(OrganizationService, transport),
  profiles: createClient(ProfileService, transport),
  changes: createClient(ChangeService, transport),
  families: Object.fromEntries(services.map((service) => [service.name, createClient(service, transport)])),
});

/** Opens a connection of each kind to one service. */
const createTransports = (service: Pick<App, "grpcAddress" | "httpAddress">, limits: { defaultTimeoutMs?: number }) => {
  const grpcAddress = formatAddress(service.grpcAddress);
  const grpcJs = createGrpcJsTransport(grpcAddress, limits.defaultTimeoutMs);
  const baseUrl = `http://${formatAddress(service.httpAddress)}`;
  // Without the types of error details, and of resources, JSON can't be read that holds them.
  const registry = createRegistry(detailTypes, ...builtin.kinds.map(({ message }) => message));
  const json = { baseUrl, useBinaryFormat: false, jsonOptions: { registry }, ...limits };
  const binary = { baseUrl, useBinaryFormat: true, ...limits };
  const byKind: Record<ClientKind, Transport> = {
    "grpc-js": grpcJs,
    "Connect JSON": createConnectTransport({ ...json, httpVersion: "1.1" }),
    "gRPC-Web": createGrpcWebTransport({ ...binary, httpVersion: "1.1" }),
    "Connect gRPC": createGrpcTransport({ baseUrl: `http://${grpcAddress}`, ...limits }),
    "gRPC over HTTP/2": createGrpcTransport(binary),
    "gRPC in JSON over HTTP/2": createGrpcTransport(json),
    "Connect and GET over HTTP/2": createConnectTransport({ ...binary, httpVersion: "2", useHttpGet: true }),
    "Connect and GET in JSON over HTTP/2": createConnectTransport({ ...json, httpVersion: "2", useHttpGet: true }),
    "gRPC-Web over HTTP/2": createGrpcWebTransport({ ...binary, httpVersion: "2" }),
    "gRPC-Web in JSON over HTTP/2": createGrpcWebTransport({ ...json, httpVersion: "2" }),
  };
  return { byKind, close: () => grpcJs.close() };
};

/** Makes the clients of one service, with the kinds that it serves; without `limits` the deadlines are the server's own. */
export const createClients = (
  service: Pick<App, "grpcAddress" | "httpAddress">,
  limits: { defaultTimeoutMs?: number } = patience,
  set: KindSet = builtin,
) => {
  const { byKind: transports, close } = createTransports(service, limits);
  const kinds = [...clientKinds, ...http2Kinds];
  const byKind = Object.fromEntries(kinds.map((kind) => [kind, clientsOver(transports[kind], set)])) as Record<ClientKind, Clients>;
  return { byKind, transports, close };
};
