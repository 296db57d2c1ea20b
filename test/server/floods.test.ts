import { connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { ListenAddress } from "../../src/settings.ts";
import { flag, frame, frameType, headerBlock, opening, openSocket, type RawSocket } from "../hostile/frames.ts";
import { exchangeHttp2, exchangeOver, framed } from "./raw-http2.ts";
import { startRefusing } from "./refusing.ts";
import { startServer, validRequest } from "./server.ts";

const path = "/userd.v1.UserOptionService/GetOption";
const MiB = 1024 * 1024;
const attacker = "127.0.0.9";

const many = (one: Buffer): Buffer => Buffer.concat(Array.from({ length: 500 }, () => one));
const floods = {
  PING: many(frame(frameType.ping, 0, 0, Buffer.alloc(8))),
  "empty SETTINGS": many(frame(frameType.settings, 0, 0)),
  WINDOW_UPDATE: many(frame(frameType.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))),
};

/** Sends so many bytes of a flood, or fewer if the connection ends. */
const flood = async (socket: RawSocket, bytes: Buffer, most: number): Promise<void> => {
  for (let sent = 0; sent < most && (await socket.write(bytes)); sent += bytes.length) await delay(1);
};

const open = async (address: ListenAddress, from: string): Promise<RawSocket> => {
  const socket = await openSocket(address, { from });
  const { host, port } = address;
  await socket.write(
    Buffer.concat([opening, frame(frameType.headers, flag.endHeaders, 1, headerBlock(path, { ":authority": `${host}:${port}` }))]),
  );
  return socket;
};

/** Tells whether a new connection is served: its SETTINGS are acknowledged. */
const isTaken = async (address: ListenAddress, from: string): Promise<boolean> => {
  const raw = await openSocket(address, { from });
  const answered = new Promise<boolean>((resolve) => {
    raw.socket.once("data", () => resolve(true)).once("close", () => resolve(false));
    if (!raw.isOpen()) resolve(false);
  });
  await raw.write(opening);
  const taken = await answered;
  raw.end();
  return taken;
};

describe.for(["grpcAddress", "httpAddress"] as const)("a stranger's connection to %s", (port) => {
  test.for(Object.entries(floods))(
    "that floods with %s frames is ended, and its address gets no other one for 5 s",
    { concurrent: true },
    async ([, bytes], { expect }) => {
      await using server = await startRefusing();
      const socket = await open(server[port], attacker);
      await flood(socket, bytes, 64 * MiB);
      expect(socket.isOpen()).toBe(false);
      expect(await server.metrics()).toContain("userd_floods_total 1");
      expect([await isTaken(server[port], attacker), await isTaken(server[port], "127.0.0.8")]).toEqual([false, true]);
      await expect.poll(() => isTaken(server[port], attacker), { timeout: 10_000 }).toBe(true);
    },
  );

  test("that is exempt is ended alone: a proxy has other clients", async () => {
    await using server = await startServer({}, { peers: { proxies: [attacker], header: "none" } });
    const socket = await openSocket(server[port], { from: attacker });
    await socket.write(opening);
    await flood(socket, floods.PING, 64 * MiB);
    expect([socket.isOpen(), await isTaken(server[port], attacker)]).toEqual([false, true]);
  });

  test("that sends some frames beside its calls lives on, and so does one of which a call was admitted", async () => {
    await using server = await startRefusing();
    const quiet = await open(server[port], attacker);
    await flood(quiet, floods.WINDOW_UPDATE, 40 * 1024);
    await using known = await startServer();
    const vouched = await open(known[port], attacker);
    await vouched.write(frame(frameType.data, flag.endStream, 1, Buffer.alloc(5)));
    const { options } = known.clients[port === "grpcAddress" ? "grpc-js" : "Connect gRPC"];
    await options.getOption(validRequest);
    await flood(vouched, floods.WINDOW_UPDATE, 2 * MiB);
    expect([quiet.isOpen(), vouched.isOpen()]).toEqual([true, true]);
    for (const socket of [quiet, vouched]) socket.end();
  });

  test("is told at each call that it has no credentials, though its token is as large as headers may be", async () => {
    await using server = await startRefusing();
    const { host, port: number } = server[port];
    const session = connect(`http://${host}:${number}`);
    const headers = { ":path": path, "content-type": "application/grpc", te: "trailers", authorization: `Bearer ${"x".repeat(14_000)}` };
    for (let call = 0; call < 40; call += 1) {
      const heard = await exchangeOver(session, { headers, chunks: [framed(Buffer.alloc(0))] });
      expect(heard.headers["grpc-status"] ?? heard.trailers["grpc-status"]).toBe("16");
    }
    session.destroy();
  });

  test("is told that it has no credentials, however much it was about to send", async () => {
    await using server = await startRefusing();
    const { host, port: number } = server[port];
    const { headers, trailers } = await exchangeHttp2(`http://${host}:${number}`, {
      headers: { ":path": path, "content-type": "application/grpc", te: "trailers" },
      chunks: [framed(Buffer.alloc(4 * MiB - 5))],
    });
    expect(headers["grpc-status"] ?? trailers["grpc-status"]).toBe("16");
  });
});
