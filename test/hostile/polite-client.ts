// The polite client, in a process of its own, so that the attacker's work does not delay it: 20 calls per second over a kept connection to each
// port, and 4 connections per second to each port that come new and call once. A message names the phase; the answer has what it saw.
import { request } from "node:http";
import { connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetOptionRequestSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { framed } from "../server/raw-http2.ts";
import { createClients } from "../support/clients.ts";
import type { PoliteJob, Sample } from "./polite.ts";

const path = "/userd.v1.UserOptionService/GetOption";
const patienceMs = 5_000;

const serve = ({ grpc, http, userId, authorization }: PoliteJob): void => {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const { byKind } = createClients({ grpcAddress: grpc, httpAddress: http });
  const call = { userId: BigInt(userId), key: "timezone" };
  const bytes = toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, call));
  const kept = (kind: "grpc-js" | "Connect JSON") => byKind[kind].options.getOption(call, { headers, timeoutMs: patienceMs });

  const newGrpc = () =>
    new Promise<void>((resolve, reject) => {
      const session = connect(`http://${formatAddress(grpc)}`);
      const timer = setTimeout(() => session.destroy(new Error("no answer in 5 s")), patienceMs);
      session.on("error", reject);
      const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers });
      let status: unknown;
      stream.on("response", (received) => (status = received["grpc-status"]));
      stream.on("trailers", (received) => (status = received["grpc-status"]));
      stream.on("error", reject).resume();
      stream.on("close", () => {
        clearTimeout(timer);
        session.destroy();
        if (Number(status) === 0) resolve();
        else reject(new Error(`status ${status}`));
      });
      stream.end(framed(bytes));
    });

  const newHttp = () =>
    new Promise<void>((resolve, reject) => {
      const sent = request(
        { ...http, path, method: "POST", agent: false, timeout: patienceMs, headers: { "content-type": "application/json", ...headers } },
        (response) => {
          response.resume().on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`HTTP ${response.statusCode}`))));
          response.on("error", reject);
        },
      );
      sent.on("timeout", () => sent.destroy(new Error("no answer in 5 s"))).on("error", reject);
      sent.end(JSON.stringify({ userId, key: "timezone" }));
    });

  let samples: Sample[] = [];
  const pending = new Set<Promise<void>>();
  const take = (isNew: boolean, make: () => Promise<unknown>): void => {
    const into = samples;
    const started = performance.now();
    const done = (error?: unknown) => {
      into.push({ isNew, ms: performance.now() - started, ...(error !== undefined && { error: String(error).slice(0, 200) }) });
    };
    const one = make().then(
      () => done(),
      (error: unknown) => done(error ?? "failed"),
    );
    pending.add(one);
    void one.finally(() => pending.delete(one));
  };
  setInterval(() => {
    take(false, () => kept("grpc-js"));
    take(false, () => kept("Connect JSON"));
  }, 50);
  setInterval(() => {
    take(true, newGrpc);
    take(true, newHttp);
  }, 250);

  process.on("message", async () => {
    const into = samples;
    samples = [];
    await Promise.all(pending);
    process.send?.(into);
  });
};

process.once("message", (job) => serve(job as PoliteJob));
process.once("disconnect", () => process.exit());
