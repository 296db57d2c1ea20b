import { createServer } from "node:http";
import type { Logger } from "pino";
import { createNetworks } from "../networks.ts";
import type { ListenAddress } from "../settings.ts";
import { limitConnections } from "./connections.ts";
import { sendText } from "./http-answer.ts";
import { limitUnread } from "./http-unread.ts";
import { type Page, servePage } from "./pages.ts";
import { listen } from "./sockets.ts";

/** The connections of probes and of Prometheus: few, and short. */
const limits = { max: 100, maxPerAddress: 50, exempt: createNetworks([]) };

/** The port for those who watch the service. */
export type AdminListener = { readonly address: ListenAddress; readonly destroy: () => void };

/** The options of `startAdmin`. */
export type AdminOptions = { readonly listen: ListenAddress; readonly pages: ReadonlyMap<string, Page>; readonly log: Logger };

/**
 * Opens the port of ADMIN_LISTEN, which serves health and metrics over HTTP/1.1 and nothing else: whatever the other ports suffer, probes are
 * answered.
 */
export const startAdmin = async ({ listen: at, pages, log }: AdminOptions): Promise<AdminListener> => {
  const server = createServer(
    { maxHeaderSize: 4_096, headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 60_000 },
    (request, response) => {
      limitUnread(request, response, Date.now());
      request.resume();
      const page = pages.get(request.url?.split("?", 1)[0] ?? "");
      if (page === undefined) sendText(response, 404, `Here are ${[...pages.keys()].join(", ")}.\n`);
      else void servePage(page, request, response, log);
    },
  );
  const connections = limitConnections(server, limits);
  server.prependListener("request", ({ socket }) => connections.spoke(socket));
  const address = await listen(server, "ADMIN_LISTEN", at);
  return {
    address,
    destroy: () => {
      server.close();
      connections.destroyAll();
    },
  };
};
