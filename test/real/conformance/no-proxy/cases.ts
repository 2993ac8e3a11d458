/** What Go answers to values of NO_PROXY; `no-proxy.long.test.ts` asks it again and holds the file to it. */
import { z } from "zod";
import { parseJson } from "../../../../lib/text/json.ts";

export const casesPath = `${import.meta.dir}/cases.json`;

export const casesSchema = z.object({
  urls: z.array(z.string()),
  cases: z.array(z.object({ noProxy: z.string(), direct: z.array(z.string()) })),
});

const { urls, cases } = casesSchema.parse(parseJson(await Bun.file(casesPath).text()));

export const noProxyUrls = urls;
/** A value of NO_PROXY, and those of the URLs that are reached directly. */
export const noProxyCases: readonly (readonly [string, string[]])[] = cases.map(({ noProxy, direct }) => [
  noProxy,
  direct,
]);
