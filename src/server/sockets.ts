import type { AddressInfo, Server } from "node:net";
import { ConfigError } from "../config.ts";
import type { ListenAddress } from "../settings.ts";

/** Formats an address as people write it; an IPv6 host stands in brackets. */
export const formatAddress = ({ host, port }: ListenAddress): string => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

const explanations: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use by another process",
  EACCES: "needs more rights than this process has: take a port above 1023",
  EADDRNOTAVAIL: "is not an address of this machine",
  ENOTFOUND: "is not a host that can be found",
};

/**
 * Makes a server listen, and returns the address with the actual port; port 0 = any free port. Throws a ConfigError that begins with
 * `setting`, the name of the setting.
 */
export const listen = (server: Server, setting: string, address: ListenAddress): Promise<ListenAddress> =>
  new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const explanation = explanations[error.code ?? ""] ?? `can't be listened on (${error.code})`;
      reject(new ConfigError(`${setting} ${formatAddress(address)} ${explanation}`, { cause: error }));
    };
    server.once("error", refuse);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off("error", refuse);
      resolve({ host: address.host, port: (server.address() as AddressInfo).port });
    });
  });
