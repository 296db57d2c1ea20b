import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { conflict, DomainError, invalidField, notFound } from "../../src/errors.ts";
import { BatchSetOptionsResponseSchema, UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { prepareRpcs } from "../../src/server/rpc.ts";
import { toStatus } from "../../src/status.ts";
import { noteLoggedReasons, takeUndeclared } from "../support/answered-reasons.ts";
import { clientKinds } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { defaults, startServer, validRequest } from "./server.ts";

const refused = (error: DomainError) => ({ result: { case: "error" as const, value: toStatus(error) } });

const batch = { entries: [{ ...validRequest, value: { kind: { case: "boolValue" as const, value: true } } }] };

describe.for(clientKinds)("an undeclared reason, through %s", (kind) => {
  test("of a call is answered, counted, logged, and fails the test that has called", async () => {
    await using server = await startServer({
      getOption: () => {
        throw conflict("ETAG_MISMATCH", "Stale.");
      },
    });
    await expectRefusal(server.clients[kind].options.getOption(validRequest), "Aborted", "ETAG_MISMATCH");
    expect(takeUndeclared()).toEqual(["userd.v1.UserOptionService/GetOption ends with ETAG_MISMATCH, which it does not declare"]);
    expect(await server.metrics()).toContain(
      'userd_undeclared_reasons_total{method="userd.v1.UserOptionService/GetOption",reason="ETAG_MISMATCH"} 1',
    );
    expect(server.logged()).toContainEqual(
      expect.objectContaining({ level: "error", method: "userd.v1.UserOptionService/GetOption", reason: "ETAG_MISMATCH" }),
    );
    // The log of a service in a process of its own says it too.
    noteLoggedReasons(
      server
        .logged()
        .map((line) => JSON.stringify(line))
        .join("\n"),
    );
    expect(takeUndeclared()).toEqual(["userd.v1.UserOptionService/GetOption ends with ETAG_MISMATCH, which it does not declare"]);
  });

  test("of an entry too, whether the answer is a literal or a message, there at once or later", async () => {
    const results = [
      refused(notFound("ROLE_NOT_FOUND", "None.")),
      refused(invalidField("key", "is wrong")),
      { result: { case: undefined } },
    ];
    for (const answer of [{ results }, create(BatchSetOptionsResponseSchema, { results })]) {
      for (const batchSetOptions of [() => answer, () => Promise.resolve(answer)]) {
        await using server = await startServer({ batchSetOptions });
        expect((await server.clients[kind].options.batchSetOptions(batch)).results).toHaveLength(3);
        expect(takeUndeclared()).toEqual([
          "userd.v1.UserOptionService/BatchSetOptions answers an entry with ROLE_NOT_FOUND, which it does not declare",
        ]);
      }
    }
  });

  test("is none that all calls have, or that the RPC lists", async () => {
    await using server = await startServer({
      getOption: () => {
        throw notFound("USER_NOT_FOUND", "None.");
      },
      setOption: () => {
        throw new DomainError("OutcomeUnknown", "COMMIT_UNKNOWN", "Unknown.");
      },
      listOptions: () => {
        throw new TypeError("a fault");
      },
    });
    const { options } = server.clients[kind];
    await expectRefusal(options.getOption(validRequest), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(options.getOption({}), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(options.setOption({ ...validRequest, value: batch.entries[0]?.value ?? {} }), "Unknown", "COMMIT_UNKNOWN");
    await expectRefusal(options.listOptions({ userId: 7n }), "Internal", "INTERNAL_FAULT");
    expect(takeUndeclared()).toEqual([]);
    expect(await server.metrics()).not.toContain("userd_undeclared_reasons_total{");
  });
});

test("an RPC that does not say where it reads from keeps the server from starting", () => {
  const unread = {
    ...UserOptionService,
    methods: UserOptionService.methods.map((method) => ({
      ...method,
      idempotency: method.name === "GetOption" ? 0 : method.name === "SetOption" ? 1 : method.idempotency,
    })),
  };
  expect(() => prepareRpcs([{ service: unread as never, operations: defaults as never }])).toThrow(
    /GetOption writes and has \(userd\.v1\.reads\)\n.*SetOption changes nothing and has no \(userd\.v1\.reads\)$/,
  );
});
