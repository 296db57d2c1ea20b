import type { Peer } from "../peers.ts";

/** All by which a call shows who makes it. */
export type Credentials = {
  /** Returns the first value of a request header by its lower-case name; undefined when absent. */
  header(name: string): string | undefined;
  /** Returns all values of a request header, separated by commas; empty when absent. */
  headers(name: string): string;
  /** The other end of the connection. */
  readonly peer: Peer;
};
