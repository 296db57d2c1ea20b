import { connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { ServerReflectionRequestSchema } from "../../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { framed } from "../../server/raw-http2.ts";
import type { Attack } from "../attack.ts";

const ask = create(ServerReflectionRequestSchema, {
  messageRequest: { case: "fileContainingSymbol", value: "userd.v1.UserService" },
});
const request = framed(toBinary(ServerReflectionRequestSchema, ask));

/** Reflection whose answers nobody reads. */
export const reflection: Attack = {
  name: "reflection",
  about: "reflection streams without a token that ask for files without end, and read nothing (window 0)",
  settings: { REFLECTION: "public" },
  run: async (target, { of }) => {
    const session = connect(target.url("grpc"), { settings: { initialWindowSize: 0 } });
    session.on("error", () => {});
    const streams = Array.from({ length: of(4, 20) }, () => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => {});
      return stream;
    });
    const end = performance.now() + of(3, 30) * 1_000;
    while (performance.now() < end) {
      for (const stream of streams)
        if (stream.writable && stream.writableLength < 65_536) stream.write(Buffer.concat(Array.from({ length: 100 }, () => request)));
      await delay(5);
    }
    session.destroy();
    return [];
  },
};
