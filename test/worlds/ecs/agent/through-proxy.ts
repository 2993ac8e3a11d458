/** What the AWS SDK sends requests with: the proxy and the authorities of a host, which the runtime's own way does not know. */
import { requestThrough, type ProxyRoute } from "../../../../host/machine/outbound.ts";

type Request = {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  method: string;
  headers: Record<string, string>;
  body?: string;
};

export const throughProxy = (route: ProxyRoute) => ({
  async handle({ protocol, hostname, port, path, method, headers, body }: Request) {
    const url = new URL(path, `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`);
    const init = { method, headers, ...(body === undefined ? {} : { body }) };
    const answer = await fetch(url, { ...init, ...requestThrough(route, url) });
    const response = {
      statusCode: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: new Uint8Array(await answer.arrayBuffer()),
    };
    return { response };
  },
});
