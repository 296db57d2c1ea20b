import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { networkOf } from "../../src/networks.ts";
import type { ListenAddress } from "../../src/settings.ts";
import { startServer, validRequest } from "./server.ts";

const open = async ({ host, port }: ListenAddress, localAddress: string): Promise<Socket> => {
  const socket = connect({ host, port, localAddress });
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  return socket;
};

/** Opens silent connections one after the other, and tells which of them are open a moment later. */
const openSilent = async (address: ListenAddress, from: readonly string[]): Promise<readonly boolean[]> => {
  const sockets: Socket[] = [];
  for (const one of from) sockets.push(await open(address, one));
  await expect.poll(() => sockets.some(({ closed }) => closed)).toBe(true);
  const isOpen = sockets.map(({ closed }) => !closed);
  for (const socket of sockets) socket.destroy();
  return isOpen;
};

describe.for(["grpcAddress", "httpAddress"] as const)("connections to %s", (port) => {
  const kind = port === "grpcAddress" ? "grpc-js" : "Connect JSON";

  test("where there is no room, the silent one that came first goes, and none of which a call was admitted", async () => {
    await using server = await startServer({}, { connections: { max: 3, maxPerAddress: 3 } });
    await server.clients[kind].options.getOption(validRequest);
    expect(await openSilent(server[port], ["127.0.0.2", "127.0.0.3", "127.0.0.4"])).toEqual([false, true, true]);
    await server.clients[kind].options.getOption(validRequest);
  });

  test("an address that has taken its share loses its own, unless it is exempt", async () => {
    const connections = { max: 10, maxPerAddress: 1 };
    await using server = await startServer({}, { connections, peers: { proxies: ["127.0.0.3"], header: "none" } });
    const from = ["127.0.0.3", "127.0.0.2", "127.0.0.3", "127.0.0.2"];
    expect(await openSilent(server[port], from)).toEqual([true, false, true, true]);
  });

  test.for([
    ["nothing", ""],
    ["half a preface", "PRI * HT"],
    ["half a header", "POST / HTTP/1.1\r\nHost: a\r\n"],
  ] as const)("one that says %s is ended after 5 s", { concurrent: true, timeout: 20_000 }, async ([, words]) => {
    await using server = await startServer();
    const begin = performance.now();
    const socket = await open(server[port], "127.0.0.2");
    socket.write(words);
    await once(socket, "close");
    expect(performance.now() - begin).toBeGreaterThan(port === "grpcAddress" && words.startsWith("POST") ? 0 : 4_500);
  });
});

test.for([
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::1", "0:0:0:0"],
  ["2001:db8::7", "2001:db8:0:0"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["fe80::1%eth0", "fe80:0:0:0"],
] as const)("of %s a peer has %s to itself", ([address, network]) => {
  expect(networkOf(address)).toBe(network);
});
