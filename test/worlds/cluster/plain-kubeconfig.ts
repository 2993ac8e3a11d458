/** The kubeconfig of a server of tests that lets everybody in. */
import { writeFile } from "node:fs/promises";

export async function writePlainKubeconfig(path: string, server: string): Promise<void> {
  // JSON is YAML.
  const kubeconfig = {
    clusters: [{ name: "test", cluster: { server } }],
    users: [{ name: "nobody", user: {} }],
    contexts: [{ name: "test", context: { cluster: "test", user: "nobody" } }],
    "current-context": "test",
  };
  await writeFile(path, JSON.stringify(kubeconfig));
}
