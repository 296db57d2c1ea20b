import type { Rpc } from "../rpc.ts";
import { authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { errors } from "./errors.ts";
import type { Handler, Interceptor, InterceptorContext } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";
import { room } from "./shed.ts";
import { telemetry } from "./telemetry.ts";

/** The functions that end a call before its message has been read. */
export type Admission = {
  /** Passes a call whose headers let it in, and throws, or rejects with, the StatusError of any other. Nothing of the message is needed. */
  readonly admit: (invocation: Invocation) => Promise<void> | undefined;
  /** Counts and logs a call that is refused outside the interceptors. Throws the StatusError with which the call ends. */
  readonly refuse: (invocation: Invocation, error: Error) => never;
};

/** The interceptors that look at headers alone, in the order of the chain, in which they stand again, `room` as `shed`. */
const ofHeaders: readonly Interceptor[] = [authenticate, room, authorize];

const chain = (rpc: Rpc, context: InterceptorContext, links: readonly Interceptor[], last: Handler): Handler => {
  const decode = () => {
    throw new Error("Admission reads no message.");
  };
  return links.reduceRight((next, intercept) => intercept({ ...rpc, decode, encode: decode }, context)(next), last);
};

/**
 * Makes the admission of an RPC. Transports ask it when the headers of a call are there, before a byte of the message is kept or inflated: a
 * stranger can make the process hold nothing.
 */
export const compileAdmission = (rpc: Rpc, context: InterceptorContext): Admission => {
  const look = chain(rpc, context, ofHeaders, () => undefined);
  const end = chain(rpc, context, [telemetry, errors], (_, error) => {
    throw error;
  });
  const refuse = (invocation: Invocation, error: unknown): never => end(invocation, error) as never;
  return {
    refuse,
    admit: (invocation) => {
      let looked: unknown;
      try {
        looked = look(invocation, undefined);
      } catch (error) {
        refuse(invocation, error);
      }
      if (looked instanceof Promise) return looked.catch((error: unknown) => refuse(invocation, error));
      return undefined;
    },
  };
};
