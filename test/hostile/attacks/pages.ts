import { Agent, request } from "node:http";
import { connect } from "node:http2";
import { framed } from "../../server/raw-http2.ts";
import type { Attack, Target } from "../attack.ts";
import { forSeconds } from "../attack.ts";

const get = (target: Target, agent: Agent, path: string): Promise<number> =>
  new Promise((resolve) => {
    const sent = request({ ...target.address("http"), path, agent, localAddress: "127.0.0.9" }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", () => resolve(0)).end();
  });

/** Health checks over one connection, 100 at a time. */
const check = async (target: Target, count: number): Promise<number> => {
  const session = connect(target.url("grpc"));
  session.on("error", () => {});
  let serving = 0;
  const one = () =>
    new Promise<void>((resolve) => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/grpc.health.v1.Health/Check",
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("trailers", (received) => (serving += Number(received["grpc-status"]) === 0 ? 1 : 0));
      stream.on("error", () => {}).resume();
      stream.on("close", () => resolve());
      stream.end(framed(Buffer.alloc(0)));
    });
  for (let sent = 0; sent < count; sent += 100) await Promise.all(Array.from({ length: 100 }, one));
  session.destroy();
  return serving;
};

/** Pages and health checks that cost the sender nothing. */
export const pages: Attack = {
  name: "pages",
  about: "GET /metrics and /readyz, and grpc.health.v1.Health/Check, without a token, 100 at once",
  run: async (target, strength) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 50 });
    const transactions = await target.transactions();
    let [sent, answered] = [0, 0];
    const started = performance.now();
    await forSeconds(strength.of(2, 10), async () => {
      const count = strength.of(300, 2_000);
      const statuses = await Promise.all(
        Array.from({ length: count }, (_, index) => get(target, agent, index % 2 === 0 ? "/metrics" : "/readyz")),
      );
      const serving = await check(target, count);
      sent += 2 * count;
      answered += statuses.filter((status) => status === 200).length + serving;
    });
    agent.destroy();
    const seconds = (performance.now() - started) / 1_000;
    const statements = (await target.transactions()) - transactions;
    return [
      { name: "answered", value: answered, bound: sent, atLeast: true },
      // The polite client's reads come from the cache; the cache, the sampler and the probe ask some times a second.
      { name: "transactions_per_second", value: statements / seconds, bound: 30 },
    ];
  },
};
