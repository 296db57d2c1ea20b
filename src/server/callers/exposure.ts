import { type Config, ConfigError } from "../../config.ts";
import { formatAddress } from "../sockets.ts";

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);

/** The settings that say who can reach the ports, and what protects the ports. */
export type Exposure = Pick<Config, "grpcListen" | "httpListen" | "tokenFile" | "tls" | "plaintext" | "insecure">;

/**
 * Checks that a port off loopback asks for credentials and has TLS, unless a setting says that the network protects it. Throws a ConfigError
 * that says what to do.
 */
export const assertExposure = (config: Exposure): void => {
  if (config.insecure) return;
  const faults = Object.entries({ GRPC_LISTEN: config.grpcListen, HTTP_LISTEN: config.httpListen })
    .filter(([, address]) => !isLoopback(address.host))
    .flatMap(([name, address]) => {
      const place = `${name} ${formatAddress(address)} is open to the network`;
      const open: string[] = [];
      if (config.tokenFile === undefined) {
        open.push(
          `${place}, but nobody has to show credentials: set TOKEN_FILE (see SECURITY.md), or listen on 127.0.0.1, or set INSECURE=true if the network itself is trusted`,
        );
      }
      if (config.tls === undefined && !config.plaintext) {
        open.push(
          `${place} without TLS, so tokens and data would cross it as they are: set TLS_CERT and TLS_KEY (see SECURITY.md), or PLAINTEXT=true if a proxy or a mesh in front encrypts`,
        );
      }
      return open;
    });
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
};
