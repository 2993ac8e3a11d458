/** The operator as a program: what the image of the chart runs. It is told everything by its environment, as pods are. */
import { followingRedirects } from "../../lib/files/http-redirects.ts";
import { explain } from "../../lib/failure.ts";
import { KubernetesClient } from "../../kubernetes/client.ts";
import { inClusterConnection } from "../../kubernetes/in-cluster.ts";
import { kubeconfigConnection } from "../../kubernetes/kubeconfig.ts";
import { pageFiles } from "../../web/server/page-files.ts";
import { fleetPage } from "../console/fleet-page.ts";
import { serveOperatorConsole } from "../console/operator-console.ts";
import { operatorSource } from "../console/sources/operator-source.ts";
import { operatorRoutes, serveRoutes } from "./http-server.ts";
import { Operator } from "./operator.ts";

const usualPort = 8080;

async function main(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const { KUBECONFIG: kubeconfig, POD_NAME: pod, POD_NAMESPACE: namespace, NODE_NAME: self, PORT: port } = env;
  const { CONSOLE_PORT: consolePort } = env;
  const identity = pod ?? `operator-${process.pid}`;
  const client = new KubernetesClient(
    kubeconfig === undefined ? inClusterConnection(env) : await kubeconfigConnection(kubeconfig),
  );
  const operator = new Operator({
    client,
    fetch: followingRedirects(fetch),
    identity,
    namespace: namespace ?? "default",
    self,
    log: (message) => void process.stderr.write(`${message}\n`),
  });
  await using opened = new AsyncDisposableStack();
  opened.use(serveRoutes(operatorRoutes(operator, client), Number(port ?? usualPort)));
  if (consolePort !== undefined) {
    const source = operatorSource(operator, client, identity);
    const files = await pageFiles(fleetPage);
    opened.use(await serveOperatorConsole({ source, client, files, port: Number(consolePort) }));
  }
  await operator.run(signal);
}

const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) {
  process.on(name, () => stop.abort(new Error(`got ${name}`)));
}
try {
  await main(process.env, stop.signal);
} catch (error) {
  if (!stop.signal.aborted) {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  }
}
process.exit(0);
