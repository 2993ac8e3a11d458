/**
 * What the operator's pod serves: a table of paths, each answered from what the last pass saw, so that a scrape costs the
 * API server nothing. Its page is for people, and elsewhere: `cluster/console/operator-console.ts`.
 */
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { metricsText } from "./metrics/metrics.ts";
import type { UpdateDurations } from "./metrics/update-durations.ts";
import type { Operator } from "./operator.ts";

export type Routes = Readonly<Record<string, (request: Request) => Response | Promise<Response>>>;

const notReady = { status: 503 };

/** Metrics for Prometheus, and what kubelet's probes ask. */
export function operatorRoutes(operator: Operator, client: KubernetesClient): Routes {
  const { clock } = client.connection;
  return {
    "/metrics": () => {
      const { isLeading, passMs, passes, conflicts, snapshots } = operator;
      const durationsOf = (policy: string): UpdateDurations => operator.durationsOf(policy);
      const figures = { isLeading, passMs, passes, conflicts, requests: client.requests, durationsOf };
      const headers = { "content-type": "text/plain; version=0.0.4" };
      return new Response(metricsText(snapshots, figures, clock.now()), { headers });
    },
    "/healthz": () => new Response("ok\n"),
    "/readyz": () =>
      operator.isReady ? new Response("ok\n") : new Response("the cluster is not known yet\n", notReady),
  };
}

export function serveRoutes(routes: Routes, port: number): AsyncDisposable {
  const missing = `there are ${Object.keys(routes).join(", ")}\n`;
  const server = Bun.serve({
    port,
    async fetch(request) {
      const answer = routes[new URL(request.url).pathname];
      return answer === undefined ? new Response(missing, { status: 404 }) : await answer(request);
    },
  });
  return { [Symbol.asyncDispose]: async () => await server.stop(true) };
}
