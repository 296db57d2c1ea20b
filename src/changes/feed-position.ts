import { createSeal } from "../secrets/secrets.ts";

/** A position of the feed. Positions can be compared within one epoch only. */
export type FeedPosition = { readonly epoch: string; readonly position: bigint };

/** The functions that write positions for callers and read them again. A position is authenticated, so that callers can't make one up. */
export type FeedPositions = {
  readonly issue: (position: FeedPosition) => string;
  /** Returns a position; undefined = the text was not made with this key. */
  readonly read: (text: string) => FeedPosition | undefined;
};

/** Makes the functions that write and read positions with a secret key. */
export const createFeedPositions = (secretKey: Uint8Array): FeedPositions => {
  const seal = createSeal(secretKey, "feed-position");
  return {
    issue: ({ epoch, position }) => seal.seal(`${position} ${epoch}`),
    read: (text) => {
      const payload = seal.open(text);
      if (payload === undefined) return undefined;
      const [position = "", epoch = ""] = payload.split(" ");
      return { epoch, position: BigInt(position) };
    },
  };
};
