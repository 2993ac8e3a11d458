/** Programs that kubelet asks for credentials of registries. Source: kubelet.config.k8s.io, CredentialProviderConfig. */
import { isAtLeast } from "../../../settings/model/setting.ts";
import { configFile } from "../config-file.ts";
import { enabledIn, json, type Kubernetes, nodeOf } from "./node.ts";
import { credentialProviderConfig } from "./paths.ts";

export const credentialProviderFile = configFile({
  path: credentialProviderConfig,
  // Environments may hold secrets.
  mode: 0o600,
  restart: ["kubelet.service"],
  render(settings, facts) {
    const node = nodeOf(settings, facts);
    if (node === undefined) return undefined;
    const providers = enabledProviders(node.kubernetes);
    if (providers.length === 0) return undefined;
    const version = isAtLeast(node.minor, "1.26") ? "v1" : "v1beta1";
    return json({
      apiVersion: `kubelet.config.k8s.io/${version}`,
      kind: "CredentialProviderConfig",
      providers: providers.map(([name, provider]) => ({
        name,
        matchImages: provider["image-patterns"],
        defaultCacheDuration: provider["cache-duration"],
        apiVersion: `credentialprovider.kubelet.k8s.io/${version}`,
        env: Object.entries(provider.environment).map(([variable, value]) => ({ name: variable, value })),
      })),
    });
  },
});

export function enabledProviders(kubernetes: Kubernetes) {
  return enabledIn(kubernetes["credential-providers"]);
}
