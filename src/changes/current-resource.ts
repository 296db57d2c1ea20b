import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Call } from "../call.ts";
import type { ChangeFilter, ChangeSchema, CurrentResourceSchema } from "../gen/userd/v1/change_pb.ts";
import type { FeedChange } from "./feed-change.ts";

/** The resource of a change as it is now. */
export type Current = MessageInitShape<typeof CurrentResourceSchema>;

/** The resources of changes as they are now, for whoever may read them. */
export type CurrentResources = {
  /** Returns the resource of each change, in their order; undefined where it is gone, has no message, or is not for this caller. */
  readonly of: (call: Call, changes: readonly FeedChange[]) => Promise<readonly (Current | undefined)[]>;
  /**
   * Returns all resources that a filter with kinds matches, in pages, as changes without a position.
   * @throws INVALID_ARGUMENT FIELD_INVALID for a kind without snapshots; PERMISSION_DENIED PERMISSION_REQUIRED for one that the caller can't read.
   */
  readonly snapshot: (call: Call, filter: ChangeFilter | undefined) => AsyncIterable<readonly MessageInitShape<typeof ChangeSchema>[]>;
};
