import { Counter, Gauge, type Registry } from "prom-client";
import type { Places } from "../db/places.ts";

/** Registers the metrics of the connections to the database, by the groups of statements that share them. */
export const watchPlaces = (registry: Registry, { counts }: Pick<Places, "counts">): void => {
  const gauges = [
    ["userd_database_connections", "Connections to the database in use, by group of statements", "used"],
    ["userd_database_waiting", "Statements and transactions that wait for a connection, by group", "waiting"],
  ] as const;
  for (const [name, help, field] of gauges) {
    const gauge: Gauge<"group"> = new Gauge({
      name,
      help,
      labelNames: ["group"],
      registers: [registry],
      collect: () => {
        for (const [group, counted] of counts()) gauge.set({ group }, counted[field]);
      },
    });
  }
  const refused: Counter<"group"> = new Counter({
    name: "userd_database_refused_total",
    help: "Statements and transactions that got no connection, since too many waited, or for too long, by group",
    labelNames: ["group"],
    registers: [registry],
    collect: () => {
      refused.reset();
      for (const [group, counted] of counts()) refused.inc({ group }, counted.refused);
    },
  });
};
