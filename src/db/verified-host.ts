import { isIP } from "node:net";
import type { Client } from "pg";

/** The members of pg's client and connection that its types lack. */
type Insides = { readonly host: string; ssl: boolean | object; readonly connection: { ssl: boolean | object } };

/**
 * Makes a client compare the server's certificate with the address that it connects to, if that is an IP address. pg passes on only names, and
 * Node then compares with `localhost`.
 */
export const verifyAddress = (client: Client): void => {
  const insides = client as unknown as Insides;
  const { host, ssl } = insides;
  if (!ssl || isIP(host) === 0) return;
  // The object is changed, and not copied: pg hides the key of a client certificate in it from copies.
  insides.ssl = Object.assign(ssl === true ? {} : ssl, { host });
  insides.connection.ssl = insides.ssl;
};
