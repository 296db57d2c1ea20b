import type { Row } from "../bench.ts";
import { watchCacheUse } from "../cache-use.ts";
import type { UserdOptions } from "../service.ts";
import { readOption } from "./get-option.ts";
import { targetOf, userdSide } from "./read.ts";

const WORKERS = 2;

/** Connections are what the workers share out: several each, so that both are kept busy. */
const shape = { connections: 8, streams: 12 };

/** GetOption on hits of two workers on two cores, against one on one. */
export const workers: Row = {
  name: "workers",
  yardstick: "one worker on one core (userd too)",
  valuesPerCall: 1,
  prepare: async (bench) => {
    const { service, pins, load } = bench;
    await using stack = new AsyncDisposableStack();
    const start = async (options: UserdOptions) => {
      const userd = stack.use(await service.startAnother(options));
      const { target } = await targetOf(userd, readOption(bench, shape));
      return watchCacheUse(
        userd,
        userdSide(userd, (round) => load.run(target, round), target.path),
        "hits",
      );
    };
    const two = await start({ args: ["--workers", `${WORKERS}`], cpus: pins.workers });
    const one = await start({});
    const running = stack.move();
    const beside = pins.isClientBesideWorkers ? ", which shares a core with the workers: more cores, a better ratio" : "";
    return {
      userd: two.side,
      yardstick: one.side,
      load: `${shape.connections} × ${shape.streams} calls in flight by ${load.name}${beside}`,
      details: () => ({ workers: WORKERS, hit_share: two.hitShare() }),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
};
