import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { App } from "../../src/app.ts";
import { ChangeService } from "../../src/gen/users/v1/change_service_pb.ts";
import { OrganizationService } from "../../src/gen/users/v1/organization_service_pb.ts";
import { ProfileService } from "../../src/gen/users/v1/profile_service_pb.ts";
import { UserOptionService } from "../../src/gen/users/v1/user_option_service_pb.ts";
import { UserService } from "../../src/gen/users/v1/user_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { detailTypes } from "../../src/status.ts";
import { createGrpcJsTransport } from "./grpc-js-transport.ts";

/** The clients that every case of the contract suite goes through. */
export const clientKinds = ["grpc-js", "Connect JSON", "gRPC-Web", "Connect gRPC"] as const;

/** One of them. */
export type ClientKind = (typeof clientKinds)[number];

/** The generated clients of all services, over one transport. */
export type Clients = {
  readonly users: Client<typeof UserService>;
  readonly options: Client<typeof UserOptionService>;
  readonly organizations: Client<typeof OrganizationService>;
  readonly profiles: Client<typeof ProfileService>;
  readonly changes: Client<typeof ChangeService>;
};

/** Far more than a call takes, also on a machine that does much else. */
const patience = { defaultTimeoutMs: 30_000 };

const over = (transport: Transport): Clients => ({
  users: createClient(UserService, transport),
  options: createClient(UserOptionService, transport),
  organizations: createClient(OrganizationService, transport),
  profiles: createClient(ProfileService, transport),
  changes: createClient(ChangeService, transport),
});

/** Makes the clients of one service; without `limits` the deadlines are the server's own. */
export const createClients = (service: Pick<App, "grpcAddress" | "httpAddress">, limits: { defaultTimeoutMs?: number } = patience) => {
  const grpcAddress = formatAddress(service.grpcAddress);
  const grpcJs = createGrpcJsTransport(grpcAddress, limits.defaultTimeoutMs);
  const baseUrl = `http://${formatAddress(service.httpAddress)}`;
  const byKind: Record<ClientKind, Clients> = {
    "grpc-js": over(grpcJs),
    "Connect JSON": over(
      createConnectTransport({
        baseUrl,
        httpVersion: "1.1",
        useBinaryFormat: false,
        // Without the types of error details, JSON can't be read that holds them.
        jsonOptions: { registry: detailTypes },
        ...limits,
      }),
    ),
    "gRPC-Web": over(createGrpcWebTransport({ baseUrl, httpVersion: "1.1", ...limits })),
    "Connect gRPC": over(createGrpcTransport({ baseUrl: `http://${grpcAddress}`, ...limits })),
  };
  return { byKind, close: () => grpcJs.close() };
};
