import { setTimeout as delay } from "node:timers/promises";
import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { UserdError } from "../client/errors.ts";
import { AuditOperationSchema } from "../gen/userd/v1/audit_entry_pb.ts";
import { type Change, ChangeSchema, type WatchChangesRequest } from "../gen/userd/v1/change_pb.ts";
import { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import { inOneLine, print } from "../print.ts";
import { connect } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { findUser } from "./find-user.ts";

/** The options of `userd watch`. */
type WatchOptions = ClientOptions & {
  readonly from?: string;
  readonly user?: readonly string[];
  readonly kind?: readonly string[];
  readonly json?: true;
};

/** The codes with which a stream ends that can go on. */
const passing: ReadonlySet<Code> = new Set([Code.Unavailable, Code.Aborted, Code.Canceled, Code.DeadlineExceeded, Code.ResourceExhausted]);

/** The least and the longest pause before the next try, in milliseconds. */
const PAUSE_MS = { least: 250, most: 5_000 };

/** Describes a change in a line, for people. */
const lineOf = (change: Change): string => {
  const { aggregate, version, kind, key, operation, changedFields, caller, actingUserId, changeTime } = change;
  const time = changeTime === undefined ? "" : timestampDate(changeTime).toISOString();
  if (kind === "") return `${time}  ${aggregate}  version ${version}`;
  const what = AuditOperationSchema.value[operation]?.localName.toLowerCase() ?? "";
  const fields = changedFields.length === 0 ? "" : ` (${changedFields.join(", ")})`;
  return `${time}  ${aggregate}  ${what} ${kind} ${key}${fields}  by ${caller}${actingUserId === 0n ? "" : ` for user ${actingUserId}`}`;
};

const startOf = (position: string): WatchChangesRequest["start"] => {
  if (position === "") return { case: "now", value: true };
  return position === "earliest" ? { case: "earliest", value: true } : { case: "position", value: position };
};

/** Prints changes until the process is ended. A stream that breaks is opened again behind the last change that was printed. */
export const run = async (options: WatchOptions): Promise<void> => {
  const userIds = await Promise.all((options.user ?? []).map(async (name) => (await findUser(name, options)).id));
  const filter = { userIds, kinds: [...(options.kind ?? [])] };
  let position = options.from ?? "";
  let pause = PAUSE_MS.least;
  /** Whether the service has answered once: what never did is no interruption. */
  let hasAnswered = false;
  const client = connect(ChangeService, options);
  for (;;) {
    try {
      // Without a deadline: the stream ends by the service's age of connections.
      for await (const { changes, bookmark } of client.watchChanges({ filter, start: startOf(position) }, { timeoutMs: 0 })) {
        hasAnswered = true;
        pause = PAUSE_MS.least;
        for (const change of changes) {
          print(options.json ? `${JSON.stringify(toJson(ChangeSchema, change))}\n` : `${inOneLine(lineOf(change))}\n`);
          position = change.position;
        }
        if (bookmark !== undefined) ({ position } = bookmark);
      }
    } catch (error) {
      if (!hasAnswered || !(error instanceof UserdError) || !passing.has(error.code)) throw error;
      process.stderr.write(`userd: ${inOneLine(error.cause.rawMessage)} Going on in ${pause} ms.\n`);
    }
    await delay(pause);
    pause = Math.min(2 * pause, PAUSE_MS.most);
  }
};
