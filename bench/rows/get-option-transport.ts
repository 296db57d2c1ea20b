import type { Row } from "../bench.ts";
import { readOption } from "./get-option.ts";
import { targetOf, userdSide } from "./read.ts";

/** GetOption on a hit, by two processes that differ by GRPC_TRANSPORT alone. */
export const getOptionTransport: Row = {
  name: "get_option_transport",
  yardstick: "the same userd with GRPC_TRANSPORT=grpc-js",
  goal: { atLeast: 1.4 },
  valuesPerCall: 1,
  prepare: async (bench) => {
    await using stack = new AsyncDisposableStack();
    const read = readOption(bench);
    const sideOf = async (transport: string) => {
      const userd = stack.use(await bench.service.startAnother({ settings: { GRPC_TRANSPORT: transport } }));
      const { target } = await targetOf(userd, read);
      return userdSide(userd, (options) => bench.load.run(target, options), target.path);
    };
    const [userd, yardstick] = [await sideOf("http2"), await sideOf("grpc-js")];
    const running = stack.move();
    const { connections, streams } = read.shape;
    return {
      userd,
      yardstick,
      load: `${connections} × ${streams} calls in flight by ${bench.load.name}`,
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
};
