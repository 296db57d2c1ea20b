import type pg from "pg";
import type { Fleet, Member } from "../../support/fleet.ts";
import type { Killed, Moment } from "../kill.ts";

/** The options of a call that waits for a busy machine: one that gives up before its commit is not killed there. */
export const patient = { timeoutMs: 60_000 };

/** What failpoints are tried on. */
export type Ground = {
  /** The service whose process is killed. */
  readonly member: Member;
  readonly databaseUrl: string;
  /** A connection to its database. */
  readonly client: pg.Client;
  /** The server of the database. */
  readonly postgresUrl: string;
};

/** What one kill at a failpoint came to. */
export type Trial = {
  readonly kills: readonly Killed[];
  /** What was half done, lost, or did not go on, each as a sentence. */
  readonly complaints: readonly string[];
};

/** A failpoint: how often it was tried before says which of its places is next. */
export type Failpoint = (ground: Ground, moment: Moment, time: number) => Promise<Trial>;

/** Returns the ground of a fleet of one. */
export const groundOf = ({ members: [member], databaseUrl }: Fleet, client: pg.Client, postgresUrl: string): Ground => {
  if (member === undefined) throw new Error("The fleet has no members.");
  return { member, databaseUrl, client, postgresUrl };
};
