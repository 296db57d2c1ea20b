import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { isIP } from "node:net";
import { cors } from "@connectrpc/connect";
import type { HttpRequest } from "./http-body.ts";

/** The settings that say which web pages may call the HTTP port. */
export type BrowserSettings = {
  /** Names under which the service is called, besides localhost, addresses and names without a dot. `*` = any. */
  readonly hosts: readonly string[];
  /** The origins whose pages may call, such as `https://console.example.com`. */
  readonly origins: readonly string[];
};

/** The rules for web pages. */
export type Browsers = {
  /**
   * Looks at a request before anything else does, and sets the headers that tell browsers what to make of the answer. Returns false for a
   * request that it has answered itself: a preflight, or one of a page that may not call.
   */
  readonly admit: (request: HttpRequest, response: ServerResponse) => boolean;
  /** The headers of answers to requests that no page has sent. */
  readonly headers: OutgoingHttpHeaders;
};

/** The headers of requests that pages may send besides those of the protocols, and those of answers that they may read. */
const furtherRequestHeaders = ["authorization", "x-acting-user-id", "x-request-id", "x-change-reason", "traceparent"];
const allowedHeaders = [...cors.allowedHeaders, ...furtherRequestHeaders].join(", ").toLowerCase();
const furtherAnswerHeaders = ["grpc-retry-pushback-ms", "retry-after", "ratelimit", "ratelimit-policy"];
const exposedHeaders = [...cors.exposedHeaders, ...furtherAnswerHeaders].join(", ").toLowerCase();

/** The time for which a browser may remember the answer to a preflight, in seconds. */
const preflightSeconds = "7200";

/** The name in a Host or :authority, without port and brackets, in lower case. */
const nameIn = (authority: string): string => {
  const host = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(authority.toLowerCase())?.[1] ?? "";
  return host.replace(/^\[|\]$|\.$/g, "");
};

/** Tells whether a request is one of plain gRPC: no browser speaks it, and its clients take further headers for metadata. */
export const isPlainGrpc = (headers: IncomingHttpHeaders): boolean => /^application\/grpc(?!-web)/i.test(headers["content-type"] ?? "");

/** Tells whether a browser says that a page has sent a request. */
export const isOfPage = (headers: IncomingHttpHeaders): boolean => headers.origin !== undefined || headers["sec-fetch-site"] !== undefined;

const authorityOf = (request: HttpRequest): string =>
  ("authority" in request ? request.authority : request.headers.host) ?? request.headers.host ?? "";

/**
 * Tells whether nobody can have made a name lead here who should not. Addresses lead nowhere else, and no stranger can register a name without
 * a dot: it is localhost, or one of the operator's own.
 */
const isOwnName = (name: string): boolean => isIP(name) !== 0 || !name.includes(".") || name.endsWith(".localhost");

const unknownHost =
  "This service asks for no credentials, and so answers only under localhost, an address, a name without a dot, or one of ALLOWED_HOSTS.\n";
const foreignPage =
  "This service asks for no credentials, and so takes no requests of pages of other origins, unless CORS_ORIGINS names them.\n";

const refuse = (response: ServerResponse, text: string): false => {
  response.writeHead(403, { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(text) });
  response.end(text);
  return false;
};

/**
 * Makes the rules for web pages. Where no credentials are asked, a browser on the same machine or network lends its reach to any page that it
 * shows: such a service looks at Host and Origin. With credentials a page needs a token, and the browser asks for leave first.
 */
export const createBrowsers = ({ hosts, origins }: BrowserSettings, asksCredentials: boolean): Browsers => {
  const known = new Set(hosts.map((host) => host.toLowerCase()));
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()));

  const own: OutgoingHttpHeaders = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    ...(allowed.size > 0 && { vary: "origin" }),
  };

  const faultOf = (request: HttpRequest, origin: string | undefined, isAllowed: boolean): string | undefined => {
    const authority = authorityOf(request);
    const name = nameIn(authority);
    if (!known.has("*") && !known.has(name) && !isOwnName(name)) return unknownHost;
    if (isAllowed) return undefined;
    // Browsers leave the origin out of plain GETs, and say this instead.
    if (origin === undefined) return request.headers["sec-fetch-site"] === "cross-site" ? foreignPage : undefined;
    return origin.replace(/^https?:\/\//, "") === authority.toLowerCase() ? undefined : foreignPage;
  };

  const answerPreflight = (request: HttpRequest, response: ServerResponse): false => {
    response.writeHead(204, {
      "access-control-allow-methods": cors.allowedMethods.join(", "),
      "access-control-allow-headers": allowedHeaders,
      "access-control-max-age": preflightSeconds,
    });
    response.end();
    request.resume();
    return false;
  };

  return {
    headers: own,
    admit: (request, response) => {
      const { headers } = request;
      const origin = headers.origin?.toLowerCase();
      const isAllowed = origin !== undefined && allowed.has(origin);
      if (!isPlainGrpc(headers)) {
        for (const name in own) response.setHeader(name, own[name] ?? "");
        if (isAllowed) response.setHeader("cross-origin-resource-policy", "cross-origin");
      }
      if (isAllowed) {
        response.setHeader("access-control-allow-origin", headers.origin ?? "");
        response.setHeader("access-control-expose-headers", exposedHeaders);
        if (request.method === "OPTIONS" && "access-control-request-method" in headers) return answerPreflight(request, response);
      }
      if (asksCredentials) return true;
      const fault = faultOf(request, origin, isAllowed);
      return fault === undefined || refuse(response, fault);
    },
  };
};
