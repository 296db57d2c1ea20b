import { raceIncrements } from "../../options/contention.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

/** Eight clients of three services add to one option by its etag. */
export const lostUpdate: Drill = {
  rows: [14],
  name: "lost-update",
  about: "8 clients add to one option under its etag, 20,000 attempts; counts additions lost or made up",
  run: async ({ sharedFleet, of, stack }) => {
    const attempts = of(200, 20_000);
    const { members } = await sharedFleet();
    const { final, acknowledged, failures } = await raceIncrements(connectClients(members, 8, stack), { attempts });
    const others = Object.entries(failures).filter(([code]) => code !== "Aborted");
    return {
      operations: attempts,
      faults: 0,
      figure: Math.abs(Number(final) - acknowledged),
      bound: 0,
      complaints: others.map(([code, count]) => `${count} calls failed with ${code}`),
      besides: { acknowledged, aborted: failures["Aborted"] ?? 0 },
    };
  },
};
