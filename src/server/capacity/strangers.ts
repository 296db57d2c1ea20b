import type { IncomingHttpHeaders, ServerHttp2Session } from "node:http2";
import type { DomainError } from "../../errors.ts";
import type { InterceptorContext } from "../interceptors/interceptor.ts";
import { peerOf } from "../peers.ts";
import { prepareRefusal, type Refusal } from "./refusal.ts";

/** A function that returns the refusal of a stranger's call; undefined = it may have a caller, or its refusal is to be logged by itself. */
type RefuseStranger = (session: ServerHttp2Session | undefined, headers: IncomingHttpHeaders) => Refusal | undefined;

/**
 * Makes the function that refuses calls of strangers by what was prepared. The first call of a connection goes the long way, by which the log
 * tells the operator why it was refused, under its request id. Of those that follow it has a line a second.
 */
export const createStrangerRefusals = ({ callers }: Pick<InterceptorContext, "callers">): RefuseStranger => {
  const prepared = new Map<DomainError, Refusal>();
  const seen = new WeakSet<ServerHttp2Session>();
  return (session, { authorization }) => {
    if (session === undefined || !callers.askCredentials) return undefined;
    if (!seen.has(session)) {
      seen.add(session);
      return undefined;
    }
    const error = callers.refusalOfStranger(authorization, () => peerOf(session).certificate !== undefined);
    if (error === undefined) return undefined;
    const known = prepared.get(error);
    if (known !== undefined) return known;
    const refusal = prepareRefusal(error);
    prepared.set(error, refusal);
    return refusal;
  };
};
