import type { Config } from "../../config.ts";
import { createNetworks } from "../../networks.ts";
import type { Credentials } from "./credentials.ts";

/** A function that returns the address that a call comes from. */
export type OriginOf = (credentials: Credentials) => string;

/**
 * Makes the function that returns the address that a call comes from: that of the connection or, if a trusted proxy made it, the one in the
 * proxy's header. Such a header is a list, to which each proxy adds the address that it was called from: the last one that is not a trusted
 * proxy's own counts, since whoever calls the first proxy can write what it likes before.
 */
export const createOriginOf = ({ proxies, header }: Config["peers"]): OriginOf => {
  const trusted = createNetworks(proxies);
  return (credentials) => {
    let origin = credentials.peer.address;
    if (header === "none" || !trusted.has(origin)) return origin;
    const addresses = credentials
      .headers(header)
      .split(",")
      .filter((address) => address.trim() !== "");
    while (addresses.length > 0 && trusted.has(origin)) origin = (addresses.pop() ?? "").trim();
    return origin;
  };
};
