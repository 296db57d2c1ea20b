import { type Config, ConfigError } from "../../config.ts";
import { formatAddress } from "../sockets.ts";

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);

/** Checks that both ports listen on loopback, unless a token file or INSECURE is set. Throws a ConfigError that says what to do. */
export const assertExposure = (config: Pick<Config, "grpcListen" | "httpListen" | "tokenFile" | "insecure">): void => {
  if (config.tokenFile !== undefined || config.insecure) return;
  const faults = Object.entries({ GRPC_LISTEN: config.grpcListen, HTTP_LISTEN: config.httpListen })
    .filter(([, address]) => !isLoopback(address.host))
    .map(
      ([name, address]) =>
        `${name} ${formatAddress(address)} is open to the network, but nobody has to show credentials: set TOKEN_FILE (see SECURITY.md), or listen on 127.0.0.1, or set INSECURE=true if the network itself is trusted`,
    );
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
};
