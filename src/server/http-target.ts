/**
 * The path and query of a request's target. Proxies, and clients that take this server for one, write scheme and host
 * before it (RFC 9112, 3.2.2); a target that is no URL stays as it is, and is found nowhere.
 */
export const originForm = (target: string): string => {
  if (target.startsWith("/")) return target;
  const rest = /^https?:\/\/[^/?#\\]+(.*)$/i.exec(target)?.[1];
  return rest !== undefined && URL.canParse(target) ? rest || "/" : target;
};
