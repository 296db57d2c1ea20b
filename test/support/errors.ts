import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "vitest";
import type { Reason } from "../../src/errors.ts";
import { BadRequestSchema, type ErrorInfo, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";

/** What a refused call said. */
export type Refusal = { readonly error: ConnectError; readonly info: ErrorInfo | undefined; readonly fields: string[] };

/** The call is refused with this code and reason. */
export const expectRefusal = async (call: Promise<unknown>, code: keyof typeof Code, reason?: Reason): Promise<Refusal> => {
  const outcome = await call.then(
    (answer) => answer,
    (error: unknown) => error,
  );
  if (!(outcome instanceof ConnectError)) {
    expect.fail(`expected ${code} ${reason ?? ""}, got ${outcome instanceof Error ? outcome.stack : "an answer"}`);
  }
  const [info] = outcome.findDetails(ErrorInfoSchema);
  const [badRequest] = outcome.findDetails(BadRequestSchema);
  expect({ code: Code[outcome.code], reason: info?.reason }, outcome.message).toEqual({ code, reason });
  return { error: outcome, info, fields: badRequest?.fieldViolations.map(({ field }) => field) ?? [] };
};
