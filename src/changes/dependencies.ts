import type { Dependencies } from "../dependencies.ts";
import type { ConsistencyTokens } from "../versions/token.ts";
import type { CurrentResources } from "./current-resource.ts";
import type { Feed } from "./feed.ts";

/** The dependencies of the operations of the change log and the feed. */
export type ChangeDependencies = Dependencies & {
  readonly feed: Feed;
  readonly tokens: ConsistencyTokens;
  readonly current: CurrentResources;
  /** Returns the name of what answers depend on beside the data: definitions of options, read policy, kinds. */
  readonly configurationRevision: () => string;
};
