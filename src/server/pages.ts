import type { ServerResponse } from "node:http";
import type { Logger } from "pino";
import { sendText } from "./http-answer.ts";
import type { HttpRequest } from "./http-body.ts";
import type { Readiness } from "./readiness.ts";

/** The page `/metrics`: its content type, and the function that makes its text. */
export type MetricsPage = { readonly contentType: string; readonly text: () => Promise<string> };

/** A page that is answered to everybody. */
export type Page = () => Promise<{ readonly status: number; readonly type?: string; readonly body: string | Uint8Array }>;

/** The time for which a page of metrics is answered again, in milliseconds. */
const renderedMs = 1_000;

/** Makes the function that returns the page of metrics. It is made at most once a second, however many ask, and all of them get the same bytes. */
const renderedOnce = (text: MetricsPage["text"]): (() => Promise<Uint8Array>) => {
  let rendered: Promise<Uint8Array> | undefined;
  const forget = () => {
    rendered = undefined;
  };
  return () => {
    if (rendered === undefined) {
      rendered = text().then((page) => Buffer.from(page));
      rendered.then(() => setTimeout(forget, renderedMs).unref(), forget);
    }
    return rendered;
  };
};

/** Makes the pages by which probes learn whether the service lives, and can answer. */
export const healthPages = (readiness: Readiness): ReadonlyMap<string, Page> =>
  new Map<string, Page>([
    ["/healthz", async () => ({ status: 200, body: "alive\n" })],
    ["/readyz", async () => (readiness.isReady() ? { status: 200, body: "ready\n" } : { status: 503, body: "not ready\n" })],
  ]);

/** Makes the page `/metrics`. */
export const metricsPage = ({ contentType, text }: MetricsPage): readonly [string, Page] => {
  const page = renderedOnce(text);
  return ["/metrics", async () => ({ status: 200, type: contentType, body: await page() })];
};

/** Answers a request with a page. */
export const servePage = async (page: Page, request: HttpRequest, response: ServerResponse, log: Logger): Promise<void> => {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return sendText(response, 405, "This page is for GET.\n", { allow: "GET, HEAD" });
  }
  try {
    const { status, type, body } = await page();
    sendText(response, status, body, type === undefined ? {} : { "content-type": type });
  } catch (error) {
    log.error({ err: error }, "page failed");
    sendText(response, 500, "The page can't be made; the log has the cause.\n");
  }
};
