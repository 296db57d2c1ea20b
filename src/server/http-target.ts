/**
 * Returns the path and query of a request target. Proxies write scheme and host before them, and so do clients that take this server for a
 * proxy (RFC 9112, 3.2.2). A target that is no URL is returned unchanged; it equals the path of no RPC or page.
 */
export const originForm = (target: string): string => {
  if (target.startsWith("/")) return target;
  const rest = /^https?:\/\/[^/?#\\]+(.*)$/i.exec(target)?.[1];
  return rest !== undefined && URL.canParse(target) ? rest || "/" : target;
};
