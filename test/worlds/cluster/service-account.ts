/** A pod's identity in a cluster, without the pod. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ControlPlane } from "../../../vm/cluster/control-plane.ts";

const TokenAnswer = z.object({ status: z.object({ token: z.string() }) });

/** A kubeconfig by which a program has the rights of a ServiceAccount. */
export async function accountKubeconfig(
  cluster: ControlPlane,
  directory: string,
  { namespace, name }: { namespace: string; name: string },
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 7200 } };
  const { stdout } = await cluster.kubectl(["create", `--raw=${path}`, "--filename=-"], {
    stdin: JSON.stringify(request),
  });
  const { token } = TokenAnswer.parse(JSON.parse(stdout)).status;
  const server = `https://127.0.0.1:${cluster.port}`;
  const authority = Buffer.from(cluster.pki.ca).toString("base64");
  const config = {
    clusters: [{ name: "test", cluster: { server, "certificate-authority-data": authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: "test", user: name } }],
    "current-context": name,
  };
  const file = join(directory, `${name}.conf`);
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
