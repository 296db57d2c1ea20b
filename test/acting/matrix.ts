import { setTimeout as delay } from "node:timers/promises";
import { type DescMethod, type DescMethodStreaming, type DescMethodUnary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { declaredReasons } from "../../src/contract/reasons.ts";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";
import { permissions } from "../../src/permissions.ts";
import { methods } from "../contract/methods.ts";
import { sha256 } from "../server/callers/callers-file.ts";
import { type Expected, expected, type MatrixCaller } from "./model.ts";
import { type Request, requestsOf } from "./requests.ts";
import type { PrintedRpc } from "./table.ts";
import { type Actor, type TargetName, targetNames, type World } from "./world.ts";

/** Every permission alone, all, none, and all of a caller that is bound to its acting user. */
export const callers: readonly MatrixCaller[] = [
  ...permissions.map((name) => ({ name, permissions: new Set<string>([name]), isSelf: false })),
  { name: "all", permissions: new Set<string>(permissions), isSelf: false },
  { name: "none", permissions: new Set<string>(), isSelf: false },
  { name: "self", permissions: new Set<string>(permissions), isSelf: true },
];

const tokenOf = ({ name }: MatrixCaller): string => `token-of-${name}`;

/** The callers' file of the matrix. */
export const callersFile = {
  callers: callers.map((caller) => ({
    name: caller.name,
    token_sha256: sha256(tokenOf(caller)),
    permissions: [...caller.permissions],
    ...(caller.isSelf && { acts_as: "self" }),
  })),
};

/** A cell of the matrix: one call. */
export type Cell = {
  readonly row: PrintedRpc;
  readonly method: DescMethod;
  readonly caller: MatrixCaller;
  readonly actorName: string;
  readonly actor: Actor | undefined;
  readonly target: TargetName;
  readonly request: Request;
  readonly variant: number;
};

/** What a call ended with: a status and a reason, and all bytes of the error. */
type Ended = { readonly status: string; readonly bytes: string };

const endedWith = (error: unknown): Ended => {
  if (!(error instanceof ConnectError)) throw error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const details = error.details.map((detail) =>
    "type" in detail
      ? `${detail.type} ${Buffer.from(detail.value).toString("hex")}`
      : JSON.stringify(toBinary(StatusSchema, detail as never)),
  );
  return { status: `${Code[error.code]} ${info?.reason ?? ""}`, bytes: [error.code, error.rawMessage, ...details].join("\n") };
};

/** Makes one call over a transport. */
const callOf = async (transport: Transport, { method, caller, actor, request }: Cell): Promise<Ended> => {
  const headers = {
    authorization: `Bearer ${tokenOf(caller)}`,
    ...(actor && { "x-acting-user-id": String(actor.id) }),
  };
  try {
    if (method.methodKind === "unary") {
      await transport.unary(method as DescMethodUnary, undefined, 30_000, headers, request.message as never);
    } else {
      const send = async function* () {
        yield request.message as never;
      };
      const answer = await transport.stream(method as DescMethodStreaming, undefined, 30_000, headers, send());
      // A watcher waits for ever; its first message, a bookmark at least, says that it may.
      for await (const _ of answer.message) if (method.name === "WatchChanges") break;
    }
    return { status: "OK", bytes: "" };
  } catch (error) {
    return endedWith(error);
  }
};

const TRIES = 100;

/** Makes a call, and makes it again where a busy machine has turned it away. */
const callOnce = async (transport: Transport, cell: Cell): Promise<Ended> => {
  for (let tries = 1; ; tries += 1) {
    const ended = await callOf(transport, cell);
    if (!/OVERLOADED|WRITE_QUEUE_FULL|DEADLINE_PASSED/.test(ended.status) || tries === TRIES) return ended;
    await delay(20 * Math.min(tries, 20));
  }
};

const methodOf = (rpc: string): DescMethod => {
  const method = methods.find(({ parent, name }) => `${parent.name}/${name}` === rpc);
  if (method === undefined) throw new Error(`the table has ${rpc}, which is not served`);
  return method;
};

/** Tells whether a cell can tell what no other one does. */
const isAsked = ({ row, caller, actorName, target, variant }: Cell): boolean => {
  // Without the permission a call is refused before its request is read.
  if (!caller.permissions.has(row.permission))
    return target === "here" && variant === 0 && ["nobody", "superuser", "unknown"].includes(actorName);
  if (target === "mighty" && !row.needs.some(({ need }) => need.startsWith("USER_"))) return false;
  // Who is not present is so in one way.
  if (["inactive", "suspended", "deleted"].includes(actorName)) return caller.name === "all" && target === "here" && variant === 0;
  if (caller.name === "all") return true;
  if (caller.isSelf) return target === "here" || target === "missing";
  return target !== "foreign" && ["nobody", "subject", "superuser", "unknown"].includes(actorName);
};

/** What stands for a request that can't be made. */
const invalid = ["FIELD_INVALID", "OPTION_SCOPE_CONFLICT"];

/** Makes all cells. A request that validation refuses is left out; each RPC has to have one that is not. */
export const cellsOf = async (transport: Transport, world: World, table: readonly PrintedRpc[]): Promise<readonly Cell[]> => {
  const all = callers.find(({ name }) => name === "all") as MatrixCaller;
  const actors: readonly (readonly [string, Actor | undefined])[] = [["nobody", undefined], ...Object.entries(world.actors)];
  const cells: Cell[] = [];
  for (const row of table) {
    const method = methodOf(row.rpc);
    const sound = new Set<number>();
    const base = { row, method, caller: all, actorName: "nobody", actor: undefined };
    for (const [variant, request] of requestsOf(row, method, world.targets.missing).entries()) {
      const { status } = await callOnce(transport, { ...base, target: "missing", request, variant });
      if (!invalid.some((reason) => status.includes(reason))) sound.add(variant);
    }
    if (sound.size === 0) throw new Error(`give ${row.rpc} a valid request in test/acting/requests.ts`);
    for (const target of targetNames) {
      for (const [variant, request] of requestsOf(row, method, world.targets[target]).entries()) {
        if (!sound.has(variant)) continue;
        for (const caller of callers)
          for (const [actorName, actor] of actors) {
            const cell = { row, method, caller, actorName, actor, target, request, variant };
            if (isAsked(cell)) cells.push(cell);
          }
      }
    }
  }
  return cells;
};

const nameOf = ({ row, caller, actorName, target, variant }: Cell): string =>
  `${row.rpc} #${variant} by ${caller.name} for ${actorName} at ${target}`;

/** Tells what differs between what a call was to end with and what it ended with; undefined = nothing. */
const difference = (cell: Cell, wanted: Expected, { status }: Ended): string | undefined => {
  const isRefused = /^(PermissionDenied|Unauthenticated|Internal|Unknown) /.test(status);
  // What is not there for those who may see all of it has the status of what is hidden.
  const isHidden = cell.target === "here" && /^NotFound (ORGANIZATION|PROJECT|TEAM|ACCOUNT|PROFILE|PROVIDER)_/.test(status);
  const isSame =
    wanted === "through"
      ? !isRefused && !(isHidden && cell.row.needs.some(({ need }) => /_READ$|_OWN$|_OWNER$/.test(need)) && isNamed(cell))
      : status === wanted;
  return isSame ? undefined : `${nameOf(cell)}: ${status}, and not ${wanted}`;
};

/** Tells whether the request names a thing that is there by the fields of the table, and nothing that is not. */
const isNamed = ({ request, row }: Cell): boolean =>
  row.needs.some(({ field }) => request.isSet(field)) &&
  !/slug|pair|name|provider_id$/.test(
    row.needs
      .filter(({ field }) => request.isSet(field))
      .map(({ field }) => field)
      .join(" "),
  );

/** What a run of the matrix has found: the number of cells, and what differs. */
export type Outcome = {
  readonly cells: number;
  readonly through: number;
  readonly differing: readonly string[];
  readonly unlike: readonly string[];
};

/** Calls all cells, and holds them against the model; refusals of one user for different targets are held against each other, byte by byte. */
export const runMatrix = async (transport: Transport, cells: readonly Cell[], atOnce = 8): Promise<Outcome> => {
  const differing: string[] = [];
  const refusals = new Map<string, Map<string, string>>();
  let through = 0;
  const next = cells.values();
  const work = async () => {
    for (const cell of next) {
      const { row, caller, actor, target, request } = cell;
      const reasons = declaredReasons(cell.method).call;
      const wanted = expected(row, caller, actor, target, request.isSet, reasons);
      const ended = await callOnce(transport, cell);
      if (wanted === "through") through += 1;
      const fault = difference(cell, wanted, ended);
      if (fault !== undefined) differing.push(fault);
      // What a user may read and not write is there, and it may know: all else is alike.
      const isHidden = wanted.startsWith("NotFound") || (wanted !== "through" && row.needs.every(({ need }) => need.startsWith("USER_")));
      if (!isHidden || actor === undefined) continue;
      const key = `${row.rpc} #${cell.variant} by ${caller.name} for ${cell.actorName}: ${wanted}`;
      const seen = refusals.get(key) ?? new Map<string, string>();
      refusals.set(key, seen.set(target, ended.bytes));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const unlike = [...refusals].flatMap(([key, seen]) => (new Set(seen.values()).size > 1 ? [`${key}: ${[...seen].join(" | ")}`] : []));
  return { cells: cells.length, through, differing, unlike };
};
