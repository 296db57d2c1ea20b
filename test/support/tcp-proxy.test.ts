import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, test, vi } from "vitest";
import { startTcpProxy } from "./tcp-proxy.ts";

const startServer = async (stack: AsyncDisposableStack, onConnection: (socket: Socket) => void = () => {}): Promise<number> => {
  const server = createServer(onConnection).listen(0, "127.0.0.1");
  stack.defer(() => void server.close());
  await once(server, "listening");
  return (server.address() as { port: number }).port;
};

test("a cut after a chunk waits for the server's answer, though the client is gone before", async () => {
  await using stack = new AsyncDisposableStack();
  // With the answer as late as here, the proxy sees the end of the client first.
  const port = await startServer(stack, (socket) => void socket.once("data", () => setTimeout(() => socket.write("done"), 200)));
  const proxy = stack.use(await startTcpProxy({ host: "127.0.0.1", port }));
  const client = connect(proxy.port, "127.0.0.1");
  const cut = proxy.cut({ when: () => client.destroy().destroyed, moment: "after" });
  client.write("commit");
  await cut;
  expect(proxy.connections()).toBe(0);
});

test("a chunk that comes when a delay has ended does not overtake those that are held back", async () => {
  await using stack = new AsyncDisposableStack();
  const connected = Promise.withResolvers<Socket>();
  const proxy = stack.use(await startTcpProxy({ host: "127.0.0.1", port: await startServer(stack, connected.resolve) }));
  const client = connect(proxy.port, "127.0.0.1");
  stack.defer(() => void client.destroy());
  let received = "";
  client.setEncoding("utf8").on("data", (text: string) => (received += text));
  const upstream = await connected.promise;

  // The proxy has taken a chunk when it has passed on what the client wrote behind it.
  const pass = async (text: string): Promise<void> => {
    upstream.write(text);
    client.write("?");
    await once(upstream, "data");
  };
  proxy.delay(50);
  await pass("first ");
  proxy.delay(20);
  await pass("second ");
  proxy.delay(0);
  await pass("third");

  await vi.waitFor(() => expect(received).toHaveLength("first second third".length));
  expect(received).toBe("first second third");
});
