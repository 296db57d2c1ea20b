import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor, type Transport, type UnaryRequest, type UnaryResponse } from "@connectrpc/connect";
import { ErrorReason } from "../gen/userd/v1/errors_pb.ts";
import { type Batch, type Batching, batchings, type Send } from "./batches.ts";
import { detailsOf } from "./errors.ts";

type Next = ReturnType<Interceptor>;
type Answer = Awaited<ReturnType<Next>>;

/** A read that waits for its batch to be sent, or to be answered. */
type Waiting = {
  readonly request: UnaryRequest;
  readonly message: Message;
  /** Whether it was answered, or has ended at its deadline or by its caller. */
  readonly isOver: () => boolean;
  readonly end: (answer: Answer | Promise<Answer>) => void;
  /** Sends it as the call that it is. */
  readonly goAlone: () => void;
  /** Is called when it ends before it was answered. */
  onLeave: () => void;
};

const createWaiting = (request: UnaryRequest, next: Next): Waiting & { readonly answer: Promise<Answer> } => {
  const { promise: answer, resolve } = Promise.withResolvers<Answer>();
  let isOver = false;
  const end = (found: Answer | Promise<Answer>) => {
    isOver = true;
    resolve(found);
  };
  const waiting = {
    request,
    message: request.message,
    answer,
    isOver: () => isOver,
    end,
    goAlone: () => end(next(request)),
    onLeave: () => {},
  };
  const leave = () => {
    // The signal of a call is aborted when the call has ended, too.
    if (isOver) return;
    end(Promise.reject(request.signal.reason));
    waiting.onLeave();
  };
  request.signal.addEventListener("abort", leave, { once: true });
  return waiting;
};

const codesOfOne: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.FailedPrecondition,
  Code.OutOfRange,
]);

/** Tells whether an error of a batch can be that of one of its reads, or of their number: each is asked by itself then. */
const isOfOne = (error: unknown): boolean => {
  if (!(error instanceof ConnectError)) return false;
  const { reason } = detailsOf(error);
  return codesOfOne.has(error.code) || reason === ErrorReason.RESPONSE_TOO_LARGE || reason === ErrorReason.REQUEST_TOO_LARGE;
};

/** Asks the reads of a batch by one call, which ends when nobody waits for it any more. */
const askTogether = async (transport: Transport, { reads, ask }: Batch<Waiting>): Promise<void> => {
  const [first] = reads;
  if (first === undefined || reads.length === 1) return first?.goAlone();
  const controller = new AbortController();
  let awaited = reads.length;
  for (const read of reads) {
    read.onLeave = () => {
      awaited -= 1;
      if (awaited === 0) controller.abort();
    };
  }
  let response: Pick<UnaryResponse, "header" | "trailer"> = { header: new Headers(), trailer: new Headers() };
  const send: Send = async (method, message) => {
    // The headers have the deadline of each of the reads, too.
    const answered = await transport.unary(method, controller.signal, undefined, first.request.header, message);
    response = answered;
    return answered.message;
  };
  const settle = (read: Waiting, message: Message | undefined): void => {
    if (read.isOver()) return;
    const { service, method } = read.request;
    if (message === undefined) read.goAlone();
    else read.end({ stream: false, service, method, message, header: response.header, trailer: response.trailer });
  };
  try {
    const answers = await ask(send);
    for (const [index, read] of reads.entries()) settle(read, answers[index]);
  } catch (error) {
    for (const read of reads) {
      if (read.isOver()) continue;
      if (isOfOne(error)) read.goAlone();
      else read.end(Promise.reject(error));
    }
  }
};

/**
 * Makes an interceptor that asks reads of one turn of the event loop by one call, where there is an RPC for it: GetOption, GetUser and
 * CheckAccess. Only reads with the same headers, deadline and consistency are asked together. A read ends at its own deadline and by its own
 * signal. `transport` sends the batches.
 */
export const coalesce = (transport: Transport): Interceptor => {
  const groups = new Map<string, { readonly batching: Batching; readonly reads: Waiting[] }>();
  const flush = (): void => {
    const ready = [...groups.values()];
    groups.clear();
    for (const { batching, reads } of ready) {
      for (const batch of batching.divide(reads.filter(({ isOver }) => !isOver()))) void askTogether(transport, batch);
    }
  };
  return (next) => (request) => {
    const batching = request.stream ? undefined : batchings.get(request.method);
    if (request.stream || batching === undefined || request.signal.aborted) return next(request);
    const common = batching.commonOf(request.message, request.header);
    if (common === undefined) return next(request);
    const key = JSON.stringify([request.method.name, common, ...request.header]);
    const waiting = createWaiting(request, next);
    const group = groups.get(key);
    if (group !== undefined) group.reads.push(waiting);
    else {
      if (groups.size === 0) setImmediate(flush);
      groups.set(key, { batching, reads: [waiting] });
    }
    return waiting.answer;
  };
};
