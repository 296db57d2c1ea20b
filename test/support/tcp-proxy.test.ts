import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, test, vi } from "vitest";
import { startTcpProxy } from "./tcp-proxy.ts";

test("a chunk that comes when a delay has ended does not overtake those that are held back", async () => {
  await using stack = new AsyncDisposableStack();
  const server = createServer().listen(0, "127.0.0.1");
  stack.defer(() => void server.close());
  await once(server, "listening");
  const proxy = stack.use(await startTcpProxy({ host: "127.0.0.1", port: (server.address() as { port: number }).port }));
  const client = connect(proxy.port, "127.0.0.1");
  stack.defer(() => void client.destroy());
  let received = "";
  client.setEncoding("utf8").on("data", (text: string) => (received += text));
  const [upstream] = (await once(server, "connection")) as [Socket];

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
