/** Each rule is seen failing and holding; a rule without a case here fails the last test. Those of kubelet are beside them. */
import { join } from "node:path";
import { joinedNode, servingPair } from "../../test/worlds/host/joined-node.ts";
import { testRules, type RuleCase } from "../../test/cases/rule-cases.ts";
import { kubeletRules } from "../groups/kubernetes/kubelet-requirements.ts";
import { rules } from "./requirements.ts";

const sample = await Bun.file(join(import.meta.dir, "../samples/eks.toml")).text();
const pem = /cluster-certificate = "(.*)"/.exec(sample)?.[1] ?? "";

const { "bootstrap-token": token, ...server } = joinedNode;

const cases: RuleCase[] = [
  {
    rule: "a remote API knows whom to trust",
    on: "dev",
    breaks: { api: { remote: { enabled: true } } },
    messages: ["settings.api.remote.client-cas must be set because settings.api.remote.enabled is true"],
    holds: { api: { remote: { enabled: true, "client-cas": { mine: pem } } } },
  },
  {
    rule: "an authority that a role is bound to is there",
    on: "dev",
    breaks: { api: { remote: { "client-cas": { mine: pem }, "role-cas": { alice: "theirs" } } } },
    messages: ["settings.api.remote.role-cas.alice must be a name in client-cas, and theirs is none"],
    holds: { api: { remote: { "client-cas": { mine: pem }, "role-cas": { alice: "mine" } } } },
  },
  {
    rule: "a bootstrap container that runs has an image",
    on: "dev",
    breaks: { "bootstrap-containers": { a: { mode: "once" }, b: { mode: "always" }, c: { mode: "off" } } },
    messages: [
      "settings.bootstrap-containers.a.source must be set because mode is once",
      "settings.bootstrap-containers.b.source must be set because mode is always",
    ],
    holds: { "bootstrap-containers": { a: { mode: "once", source: "a" }, c: { essential: true } } },
  },
  {
    rule: "a container that checks an update has an image",
    on: "dev",
    breaks: { updates: { health: { containers: { db: { command: ["true"] } } } } },
    messages: ["settings.updates.health.containers.db.source must be set because the check is set"],
    holds: { updates: { health: { containers: { db: { source: "a" } } } } },
  },
  {
    rule: "boot parameters can be handed to the kernel",
    on: "dev",
    breaks: { boot: { "kernel-parameters": { root: ["/dev/sda1"] } } },
    messages: ["settings.boot.kernel-parameters.root must not be set: it is the image's own"],
    holds: { boot: { "kernel-parameters": { quiet: [] } } },
  },
  {
    rule: "bootstrap commands that run are there",
    on: "dev",
    breaks: { "bootstrap-commands": { a: { mode: "always" } } },
    messages: ["settings.bootstrap-commands.a.commands must be set because mode is always"],
    holds: { "bootstrap-commands": { a: { mode: "always", commands: [["apiclient", "reboot"]] } } },
  },
  {
    rule: "somebody gets the key that opens encrypted partitions without the TPM",
    on: "dev",
    breaks: { storage: { encryption: "tpm2" } },
    messages: ["settings.storage.recovery-recipients must be set because settings.storage.encryption is tpm2"],
    holds: {
      storage: {
        encryption: "tpm2",
        "recovery-recipients": ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"],
      },
    },
  },
  {
    rule: "a module that is loaded at boot is allowed",
    on: "dev",
    breaks: { kernel: { modules: { udf: { allowed: false, autoload: true } } } },
    messages: ["settings.kernel.modules.udf.allowed must be true because autoload is true"],
    holds: { kernel: { modules: { udf: { autoload: true }, sctp: { allowed: false } } } },
  },
  {
    rule: "reports have somewhere to go",
    on: "dev",
    breaks: { metrics: { "send-metrics": true } },
    messages: ["settings.metrics.metrics-url must be set because send-metrics is true"],
    holds: { metrics: { "send-metrics": true, "metrics-url": "https://example.com" } },
  },
  {
    rule: "a bundle of certificates has some",
    on: "dev",
    breaks: { pki: { company: { trusted: true } } },
    messages: ["settings.pki.company.data must be set because trusted is true"],
    holds: { pki: { company: { trusted: true, data: "" }, other: { trusted: false } } },
  },
  {
    rule: "an update repository has metadata and targets",
    on: "dev",
    breaks: { updates: { "metadata-base-url": "https://example.com" } },
    messages: ["settings.updates.targets-base-url must be set because metadata-base-url is set"],
    holds: { updates: { "metadata-base-url": "https://example.com", "targets-base-url": "https://example.com" } },
  },
  {
    rule: "an update repository has metadata and targets",
    on: "dev",
    breaks: { updates: { "targets-base-url": "https://example.com" } },
    messages: ["settings.updates.metadata-base-url must be set because targets-base-url is set"],
    holds: {},
  },
  {
    rule: "a limit of a resource has both sides, the soft one within the hard one",
    on: "dev",
    breaks: {
      "oci-defaults": {
        "resource-limits": {
          "max-processes": { "soft-limit": 1 },
          "max-file-locks": { "hard-limit": 1 },
          "max-open-files": { "soft-limit": 2, "hard-limit": 1 },
          "max-cpu-time": { "soft-limit": "unlimited", "hard-limit": 1 },
        },
      },
    },
    messages: [
      "settings.oci-defaults.resource-limits.max-cpu-time.soft-limit must not be above hard-limit, which is 1",
      "settings.oci-defaults.resource-limits.max-file-locks.soft-limit must be set because hard-limit is set",
      "settings.oci-defaults.resource-limits.max-open-files.soft-limit must not be above hard-limit, which is 1",
      "settings.oci-defaults.resource-limits.max-processes.hard-limit must be set because soft-limit is set",
    ],
    holds: {
      "oci-defaults": {
        "resource-limits": {
          "max-processes": { "soft-limit": 1, "hard-limit": 1 },
          "max-open-files": { "soft-limit": "unlimited", "hard-limit": "unlimited" },
        },
      },
    },
  },
  {
    rule: "a signal to CloudFormation says for whom it is",
    on: "aws",
    breaks: { cloudformation: { "should-signal": true } },
    messages: [
      "settings.cloudformation.stack-name must be set because should-signal is true",
      "settings.cloudformation.logical-resource-id must be set because should-signal is true",
    ],
    holds: { cloudformation: { "should-signal": true, "stack-name": "a", "logical-resource-id": "b" } },
  },
  {
    rule: "a node that joins a cluster knows where and how",
    breaks: { kubernetes: { "authentication-mode": "tls" } },
    messages: [
      "settings.kubernetes.api-server must be set because authentication-mode is tls",
      "settings.kubernetes.cluster-certificate must be set because authentication-mode is tls",
      "settings.kubernetes.bootstrap-token must be set because authentication-mode is tls",
    ],
    holds: { kubernetes: { ...server, "bootstrap-token": token } },
  },
  {
    rule: "a node that joins a cluster knows where and how",
    on: "aws",
    breaks: { kubernetes: server },
    messages: ["settings.kubernetes.cluster-name must be set because api-server is set and authentication-mode is aws"],
    holds: { kubernetes: { ...server, "cluster-name": "a" } },
  },
  {
    rule: "a node that joins a cluster knows where and how",
    breaks: { kubernetes: { "cluster-name": "a", "standalone-mode": false } },
    messages: [
      "settings.kubernetes.api-server must be set because cluster-name is set and authentication-mode is tls",
      "settings.kubernetes.cluster-certificate must be set because cluster-name is set and authentication-mode is tls",
      "settings.kubernetes.bootstrap-token must be set because cluster-name is set and authentication-mode is tls",
    ],
    // Nothing says that the node is to join.
    holds: { kubernetes: { "standalone-mode": true, "authentication-mode": "tls" }, motd: "x" },
  },
  {
    rule: "a node with an AWS role has the program that shows it",
    on: "bare",
    breaks: { kubernetes: { ...server, "cluster-name": "a", "authentication-mode": "aws" } },
    messages: [
      "settings.kubernetes.authentication-mode must not be aws because variant bare-k8s-1.35 has no aws-iam-authenticator",
    ],
    holds: { kubernetes: { ...server, "bootstrap-token": token } },
  },
  {
    rule: "a bridge of a lone node has addresses",
    breaks: { kubernetes: { "standalone-mode": true, "pod-network": "bridge" } },
    messages: ["settings.kubernetes.pod-cidr must be set because pod-network is bridge and standalone-mode is true"],
    holds: { kubernetes: { "standalone-mode": true, "pod-network": "bridge", "pod-cidr": "10.244.0.0/24" } },
  },
  {
    rule: "a certificate to serve with has its key",
    breaks: { kubernetes: { "server-key": servingPair["server-key"] } },
    messages: ["settings.kubernetes.server-certificate must be set because server-key is set"],
    holds: { kubernetes: servingPair },
  },
  {
    rule: "a certificate to serve with has its key",
    breaks: { kubernetes: { "server-certificate": servingPair["server-certificate"] } },
    messages: ["settings.kubernetes.server-key must be set because server-certificate is set"],
    holds: {},
  },
  {
    rule: "a certificate to serve with has its key",
    breaks: { kubernetes: { ...servingPair, "server-certificate": server["cluster-certificate"] } },
    messages: ["settings.kubernetes.server-key must be the key of the first certificate in server-certificate"],
    holds: {},
  },
  {
    rule: "an enabled static pod has a manifest",
    breaks: { kubernetes: { "static-pods": { a: { enabled: true } } } },
    messages: ["settings.kubernetes.static-pods.a.manifest must be set because enabled is true"],
    holds: {
      kubernetes: {
        "static-pods": {
          a: {
            enabled: true,
            manifest:
              "YXBpVmVyc2lvbjogdjEKa2luZDogUG9kCm1ldGFkYXRhOgogIG5hbWU6IHdlYgpzcGVjOgogIGNvbnRhaW5lcnM6CiAgICAtIG5hbWU6IHdlYgogICAgICBpbWFnZTogcmVnaXN0cnkuZXhhbXBsZS5jb20vd2ViOjEK",
          },
          b: { enabled: false },
        },
      },
    },
  },
];

testRules(
  rules.filter((rule) => !kubeletRules.includes(rule)),
  cases,
);
