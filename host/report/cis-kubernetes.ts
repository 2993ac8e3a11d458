/**
 * The worker node's part of the CIS benchmark for Kubernetes, as Bottlerocket's `apiclient report cis-k8s` has it. Source:
 * bloodhound, `src/bin/kubernetes-cis-checks`.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { isPresent } from "../../lib/files/files.ts";
import { kubeconfigPath } from "../files/kubernetes/kubeconfig.ts";
import { strongCiphers } from "../files/kubernetes/kubelet-config.ts";
import { clusterCa, kubeletConfigPath } from "../files/kubernetes/paths.ts";
import { hostPath, type System } from "../machine/system.ts";
import { failed, passed, withoutFaults, type Benchmark, type Check, type CheckOutcome } from "./benchmark.ts";
import { fileMode, ownedByRoot } from "./looks.ts";

const kubeletUnit = "/usr/lib/systemd/system/kubelet.service";

/** The fields of KubeletConfiguration (kubelet.config.k8s.io/v1beta1) that the benchmark asks about. */
const kubeletConfiguration = z.object({
  authentication: z.object({
    anonymous: z.object({ enabled: z.boolean() }),
    x509: z.object({ clientCAFile: z.string() }).optional(),
  }),
  authorization: z.object({ mode: z.string() }),
  readOnlyPort: z.number(),
  streamingConnectionIdleTimeout: z.string().optional(),
  makeIPTablesUtilChains: z.boolean().optional(),
  tlsCertFile: z.string().optional(),
  tlsPrivateKeyFile: z.string().optional(),
  featureGates: z.record(z.string(), z.boolean()).optional(),
  tlsCipherSuites: z.array(z.string()).optional(),
  podPidsLimit: z.number().optional(),
  seccompDefault: z.boolean().optional(),
});
type KubeletConfiguration = z.infer<typeof kubeletConfiguration>;

type Look = NonNullable<Check["look"]>;

/** Why the configuration is not as the benchmark wants it; nothing when it is. */
function configured(faultOf: (configuration: KubeletConfiguration) => string | undefined): Look {
  return async (system) => {
    const fault = faultOf(await configurationOf(system));
    return fault === undefined ? passed : failed(fault);
  };
}

async function configurationOf(system: System): Promise<KubeletConfiguration> {
  return kubeletConfiguration.parse(JSON.parse(await readFile(hostPath(system, kubeletConfigPath), "utf8")));
}

export const cisKubernetes: Benchmark = {
  name: "CIS Kubernetes Benchmark (Worker Node)",
  version: "v1.8.0",
  url: "https://www.cisecurity.org/benchmark/kubernetes",
  prefix: "k8s",
  checks: [
    {
      id: "4.1.1",
      level: 1,
      title: "Ensure that the kubelet service file permissions are set to 600 or more restrictive",
      look: fileMode(kubeletUnit, 0o600),
    },
    {
      id: "4.1.2",
      level: 1,
      title: "Ensure that the kubelet service file ownership is set to root:root",
      look: ownedByRoot(kubeletUnit),
    },
    {
      id: "4.1.3",
      level: 1,
      title: "If proxy kubeconfig file exists ensure permissions are set to 600 or more restrictive",
    },
    { id: "4.1.4", level: 1, title: "If proxy kubeconfig file exists ensure ownership is set to root:root" },
    {
      id: "4.1.5",
      level: 1,
      title: "Ensure that the --kubeconfig kubelet.conf file permissions are set to 600 or more restrictive",
      look: fileMode(kubeconfigPath, 0o600),
    },
    {
      id: "4.1.6",
      level: 1,
      title: "Ensure that the --kubeconfig kubelet.conf file ownership is set to root:root",
      look: ownedByRoot(kubeconfigPath),
    },
    {
      id: "4.1.7",
      level: 1,
      title: "Ensure that the certificate authorities file permissions are set to 644 or more restrictive",
      look: fileMode(clusterCa, 0o644),
    },
    {
      id: "4.1.8",
      level: 1,
      title: "Ensure that the client certificate authorities file ownership is set to root:root",
      look: ownedByRoot(clusterCa),
    },
    {
      id: "4.1.9",
      level: 1,
      title:
        "If the kubelet config.yaml configuration file is being used validate permissions set to 600 or more restrictive",
      look: fileMode(kubeletConfigPath, 0o600),
    },
    {
      id: "4.1.10",
      level: 1,
      title: "If the kubelet config.yaml configuration file is being used validate file ownership is set to root:root",
      look: ownedByRoot(kubeletConfigPath),
    },
    {
      id: "4.2.1",
      level: 1,
      title: "Ensure that the --anonymous-auth argument is set to false",
      look: configured(({ authentication }) =>
        authentication.anonymous.enabled ? "kubelet answers callers that it does not know" : undefined,
      ),
    },
    {
      id: "4.2.2",
      level: 1,
      title: "Ensure that the --authorization-mode argument is not set to AlwaysAllow",
      look: configured(({ authorization: { mode } }) =>
        mode === "AlwaysAllow" ? "kubelet lets every caller do everything" : undefined,
      ),
    },
    {
      id: "4.2.3",
      level: 1,
      title: "Ensure that the --client-ca-file argument is set as appropriate",
      look: clientCa,
    },
    {
      id: "4.2.4",
      level: 1,
      title: "Verify that if defined, readOnlyPort is set to 0",
      look: configured(({ readOnlyPort }) =>
        readOnlyPort === 0 ? undefined : `kubelet answers everybody on port ${readOnlyPort}`,
      ),
    },
    {
      id: "4.2.5",
      level: 1,
      title: "Ensure that the --streaming-connection-idle-timeout argument is not set to 0",
      look: configured(({ streamingConnectionIdleTimeout: limit = "4h0m0s" }) =>
        /[1-9]/.test(limit) ? undefined : "idle connections are kept for ever",
      ),
    },
    {
      id: "4.2.6",
      level: 1,
      title: "Ensure that the --make-iptables-util-chains argument is set to true",
      look: configured(({ makeIPTablesUtilChains: makes = true }) =>
        makes ? undefined : "kubelet leaves the packet filter alone",
      ),
    },
    { id: "4.2.7", level: 1, title: "Ensure that the --hostname-override argument is not set" },
    {
      id: "4.2.8",
      level: 2,
      title: "Ensure that the eventRecordQPS argument is set to a level which ensures appropriate event capture",
    },
    {
      id: "4.2.9",
      level: 1,
      title: "Ensure that the --tls-cert-file and --tls-private-key-file arguments are set as appropriate",
      look: servingCertificate,
    },
    { id: "4.2.10", level: 1, title: "Ensure that the --rotate-certificates argument is not set to false" },
    {
      id: "4.2.11",
      level: 1,
      title: "Verify that the RotateKubeletServerCertificate argument is set to true",
      look: configured(({ featureGates: gates = {} }) =>
        gates["RotateKubeletServerCertificate"] === false
          ? "the feature gate RotateKubeletServerCertificate is off"
          : undefined,
      ),
    },
    {
      id: "4.2.12",
      level: 1,
      title: "Ensure that the Kubelet only makes use of Strong Cryptographic Ciphers",
      look: strongCiphersOnly,
    },
    {
      id: "4.2.13",
      level: 1,
      title: "Ensure that a limit is set on pod PIDs",
      look: configured(({ podPidsLimit = 0 }) =>
        podPidsLimit > 0 ? undefined : "a pod may start as many processes as the host has room for",
      ),
    },
    {
      id: "4.2.14",
      level: 1,
      title: "Ensure that the --seccomp-default parameter is set to true",
      look: configured(({ seccompDefault = false }) =>
        seccompDefault ? undefined : "pods that ask for no seccomp profile get none",
      ),
    },
  ],
};

async function clientCa(system: System): Promise<CheckOutcome> {
  const path = (await configurationOf(system)).authentication.x509?.clientCAFile ?? "";
  if (path === "") return failed("kubelet knows no authority of its callers");
  return (await isPresent(hostPath(system, path))) ? passed : failed(`${path} is not there`);
}

/** Without one of its own, kubelet asks the cluster for it (`serverTLSBootstrap`) or makes one. */
async function servingCertificate(system: System): Promise<CheckOutcome> {
  const { tlsCertFile, tlsPrivateKeyFile } = await configurationOf(system);
  const faults: string[] = [];
  for (const path of [tlsCertFile, tlsPrivateKeyFile]) {
    if (path !== undefined && !(await isPresent(hostPath(system, path)))) faults.push(`${path} is not there`);
  }
  return withoutFaults(faults);
}

async function strongCiphersOnly(system: System): Promise<CheckOutcome> {
  const { tlsCipherSuites: suites } = await configurationOf(system);
  if (suites === undefined) return failed("kubelet takes the ciphers that it takes by itself");
  const weak = suites.filter((suite) => !strongCiphers.includes(suite));
  return withoutFaults(weak.map((suite) => `${suite} is not strong`));
}
