import type { Message } from "@bufbuild/protobuf";
import type { Call } from "../../call.ts";
import type { Codec, Rpc } from "../rpc.ts";
import { authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { withEntriesChecked } from "./declared.ts";
import { errors } from "./errors.ts";
import type { Handler, Interceptor, InterceptorContext } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";
import { withPermit } from "./permit.ts";
import { shed } from "./shed.ts";
import { sendAll } from "./streams.ts";
import { telemetry } from "./telemetry.ts";
import { validate } from "./validate.ts";

/** The interceptors of every call, outermost first. */
export const interceptors: readonly Interceptor[] = [
  telemetry, // outermost: counts and times whatever the others do, with the status they end in
  errors, // around all that can throw, so that nothing but a status leaves the server
  authenticate, // before all that depends on the caller
  shed, // before any work: each caller has its share, and what is refused must cost nothing
  authorize, // before the request is decoded: its contents are nobody's business but a permitted caller's
  validate, // last: operations see well-formed requests only
];

const callOf = (invocation: Invocation): Call => {
  if (invocation.caller === undefined) throw new Error("The authenticate interceptor finds the caller.");
  return invocation as Call;
};

/** The handler inside all interceptors: it runs the operation. If that does not answer at once, deadline and cancellation end it. */
const operate = ({ kind, operation, encode }: Rpc & Codec): Handler => {
  if (kind === "server_streaming") {
    return (invocation, request) => {
      const responses = operation(callOf(invocation), request as Message) as AsyncIterable<object>;
      return invocation.bound(sendAll(invocation, responses, encode));
    };
  }
  return (invocation, request) => {
    const response = operation(callOf(invocation), request as Message);
    return response instanceof Promise ? invocation.bound(response).then(encode) : encode(response);
  };
};

/** Makes the handler that runs an RPC's operation inside all interceptors; `rpc` includes the codec of the transport that the handler is for. */
export const compile = (rpc: Rpc & Codec, context: InterceptorContext): Handler =>
  interceptors.reduceRight(
    (next, intercept) => intercept(rpc, context)(next),
    operate(withEntriesChecked(withPermit(rpc, context), context)),
  );
