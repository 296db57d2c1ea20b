import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { credentials } from "@grpc/grpc-js";
import { formatAddress } from "../../../src/server/sockets.ts";
import { createUsers, value } from "../../support/build.ts";
import { clientsOver } from "../../support/clients.ts";
import { createGrpcJsTransport } from "../../support/grpc-js-transport.ts";
import type { Drill } from "../drill.ts";

/** A client of the library's own making: it knows all services, and sends again what was UNAVAILABLE. */
const serviceConfig = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.05s",
        maxBackoff: "0.5s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
});

const PER_SECOND = 100;

/** Services are restarted in turn under load. */
export const rollingRestart: Drill = {
  rows: [24],
  name: "rolling-restart",
  about:
    "SIGTERM of each of three services in turn, ×10, under 100 calls a second of a client with grpc-js's own retries; counts calls that failed, writes lost, and exits other than 0",
  run: async ({ fleet, of, stack }) => {
    const { members } = await fleet({ settings: { DRAIN_SECONDS: "1" } });
    const addresses = members.map((member) => formatAddress(member.addresses.grpcAddress)).join(",");
    const options = { "grpc.service_config": serviceConfig, "grpc.max_reconnect_backoff_ms": 500 };
    const transport = createGrpcJsTransport(`ipv4:${addresses}`, 10_000, credentials.createInsecure(), options);
    stack.defer(() => transport.close());
    const clients = clientsOver(transport);
    const users = await createUsers(clients, 20);
    const ledgers = users.map(({ id }) => ({ userId: id, acknowledged: 0, isBusy: false }));
    const complaints: string[] = [];
    const failed = new Map<string, number>();
    let operations = 0;
    const pending = new Set<Promise<void>>();
    const call = async (ledger: (typeof ledgers)[number]): Promise<void> => {
      const { userId } = ledger;
      try {
        if (operations % 4 === 0 && !ledger.isBusy) {
          ledger.isBusy = true;
          const next = ledger.acknowledged + 1;
          await clients.options.setOption({ userId, key: "k", value: value(next) });
          ledger.acknowledged = next;
          ledger.isBusy = false;
        } else await clients.options.getOption({ userId, key: "k" });
      } catch (error) {
        ledger.isBusy = false;
        if (!(error instanceof ConnectError)) throw error;
        const name = `${Code[error.code]}: ${error.rawMessage}`;
        failed.set(name, (failed.get(name) ?? 0) + 1);
      }
    };
    const timer = setInterval(() => {
      const ledger = ledgers[operations % ledgers.length];
      if (ledger === undefined) return;
      const one = call(ledger);
      operations += 1;
      pending.add(one);
      void one.finally(() => pending.delete(one));
    }, 1_000 / PER_SECOND);
    stack.defer(() => clearInterval(timer));
    let restarts = 0;
    for (let round = 0; round < of(1, 10); round += 1) {
      for (const member of members) {
        const code = await member.restart();
        restarts += 1;
        if (code !== 0) complaints.push(`a service ended with ${code}`);
        // As a roll-out does, which waits until the new one is ready and known.
        await delay(700);
      }
    }
    clearInterval(timer);
    await Promise.all(pending);
    for (const { userId, acknowledged } of ledgers) {
      const consistency = { mode: { case: "fullyConsistent" as const, value: true } };
      const { value: found } = await clients.options.getOption({ userId, key: "k", consistency });
      const stored = found?.kind.case === "numberValue" ? found.kind.value : 0;
      // The write after it may have been stored though its call failed.
      if (stored < acknowledged) complaints.push(`user ${userId} has ${stored}, but ${acknowledged} was acknowledged`);
    }
    for (const [name, count] of failed) complaints.push(`${count} calls failed with ${name}`);
    const figure = [...failed.values()].reduce((sum, count) => sum + count, 0);
    return { operations, faults: restarts, figure, bound: 0, complaints };
  },
};
