import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { withoutStack } from "../errors.ts";
import type { Places } from "./places.ts";
import { DatabaseAway, isUnreachable } from "./unreachable.ts";

/** The time between two looks for a database that is away, in milliseconds, if anybody wants it. */
const SPACING_MS = 20;
/** The longest that a look may take before those who wait for it are refused, in milliseconds. A database that is stopped refuses at once. */
const PATIENCE_MS = 500;

/** What is known of whether the database can be reached at all. */
export type Presence = {
  /** Makes places that nobody gets while the database is away: calls then fail at once, instead of connecting one by one. */
  readonly guard: (places: Places) => Places;
  /** Is told of the first connection: until then, whoever starts says what is wrong. */
  readonly connected: () => void;
  /** Is told of each failure to make a connection. */
  readonly failed: (error: unknown) => void;
};

/**
 * Makes the presence of a database, which counts as there at first. It is away when a connection could not be made, and `answers`, which asks
 * by another connection, says so as well: a pool that can't grow is no absence. Who wants it meanwhile waits for the next look, and so nobody is
 * refused who comes when it is back.
 */
export const createPresence = (answers: () => Promise<boolean>, log: Logger): Presence => {
  let wasThere = false;
  let isAway = false;
  let isAsking = false;
  /** The look that those who come now wait for. */
  let next: Promise<void> | undefined;

  const become = (away: boolean): void => {
    if (away === isAway) return;
    isAway = away;
    if (!wasThere) return;
    if (away) log.warn("the database can't be reached; calls that need it are refused at once");
    else log.info("the database can be reached again");
  };
  const look = async (): Promise<void> => {
    await delay(SPACING_MS);
    // Who comes from now on might come later than the database.
    next = undefined;
    const answered = answers().then((isThere) => {
      if (isThere) become(false);
    });
    await Promise.race([answered, delay(PATIENCE_MS)]);
  };
  const wait = async (): Promise<void> => {
    next ??= look();
    await next;
    if (isAway) throw withoutStack(() => new DatabaseAway());
  };
  return {
    guard: (places) => ({
      ...places,
      take: (claim) => (isAway ? wait().then(() => places.take(claim)) : places.take(claim)),
    }),
    connected: () => {
      wasThere = true;
    },
    failed: (error) => {
      if (isAway || isAsking || !isUnreachable(error)) return;
      isAsking = true;
      void answers().then((isThere) => {
        isAsking = false;
        if (!isThere) become(true);
      });
    },
  };
};
