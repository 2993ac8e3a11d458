/** Each rule is seen failing and holding; a rule without a case here fails the last test. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { awsModel, metalModel, modelNamed } from "../test/models.ts";
import type { SettingsTree } from "./model.ts";
import { rules } from "./requirements.ts";

const sample = await Bun.file(join(import.meta.dir, "samples", "eks.toml")).text();
const pem = /cluster-certificate = "(.*)"/.exec(sample)?.[1] ?? "";

const models = {
  metal: metalModel("1.33"),
  aws: awsModel("1.33"),
  dev: modelNamed("dev"),
};

type Case = {
  rule: string;
  on?: keyof typeof models;
  breaks: SettingsTree;
  says: string[];
  holds: SettingsTree;
};

const token = "abcdef.0123456789abcdef";
const server = { "api-server": "https://api.example.com", "cluster-certificate": "YQ==" };

const cases: Case[] = [
  {
    rule: "a remote API knows whom to trust",
    on: "dev",
    breaks: { api: { remote: { enabled: true } } },
    says: ["settings.api.remote.client-cas must be set because settings.api.remote.enabled is true"],
    holds: { api: { remote: { enabled: true, "client-cas": { mine: pem } } } },
  },
  {
    rule: "a bootstrap container that runs has an image",
    on: "dev",
    breaks: { "bootstrap-containers": { a: { mode: "once" }, b: { mode: "always" }, c: { mode: "off" } } },
    says: [
      "settings.bootstrap-containers.a.source must be set because mode is once",
      "settings.bootstrap-containers.b.source must be set because mode is always",
    ],
    holds: { "bootstrap-containers": { a: { mode: "once", source: "a" }, c: { essential: true } } },
  },
  {
    rule: "a container that checks an update has an image",
    on: "dev",
    breaks: { updates: { health: { containers: { db: { command: ["true"] } } } } },
    says: ["settings.updates.health.containers.db.source must be set because the check is set"],
    holds: { updates: { health: { containers: { db: { source: "a" } } } } },
  },
  {
    rule: "bootstrap commands that run are there",
    on: "dev",
    breaks: { "bootstrap-commands": { a: { mode: "always" } } },
    says: ["settings.bootstrap-commands.a.commands must be set because mode is always"],
    holds: { "bootstrap-commands": { a: { mode: "always", commands: [["apiclient", "reboot"]] } } },
  },
  {
    rule: "a module that is loaded at boot is allowed",
    on: "dev",
    breaks: { kernel: { modules: { udf: { allowed: false, autoload: true } } } },
    says: ["settings.kernel.modules.udf.allowed must be true because autoload is true"],
    holds: { kernel: { modules: { udf: { autoload: true }, sctp: { allowed: false } } } },
  },
  {
    rule: "reports have somewhere to go",
    on: "dev",
    breaks: { metrics: { "send-metrics": true } },
    says: ["settings.metrics.metrics-url must be set because send-metrics is true"],
    holds: { metrics: { "send-metrics": true, "metrics-url": "https://example.com" } },
  },
  {
    rule: "a bundle of certificates has some",
    on: "dev",
    breaks: { pki: { company: { trusted: true } } },
    says: ["settings.pki.company.data must be set because trusted is true"],
    holds: { pki: { company: { trusted: true, data: "" }, other: { trusted: false } } },
  },
  {
    rule: "an update repository has metadata and targets",
    on: "dev",
    breaks: { updates: { "metadata-base-url": "https://example.com" } },
    says: ["settings.updates.targets-base-url must be set because metadata-base-url is set"],
    holds: { updates: { "metadata-base-url": "https://example.com", "targets-base-url": "https://example.com" } },
  },
  {
    rule: "an update repository has metadata and targets",
    on: "dev",
    breaks: { updates: { "targets-base-url": "https://example.com" } },
    says: ["settings.updates.metadata-base-url must be set because targets-base-url is set"],
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
    says: [
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
    says: [
      "settings.cloudformation.stack-name must be set because should-signal is true",
      "settings.cloudformation.logical-resource-id must be set because should-signal is true",
    ],
    holds: { cloudformation: { "should-signal": true, "stack-name": "a", "logical-resource-id": "b" } },
  },
  {
    rule: "a node that joins a cluster knows where and how",
    breaks: { kubernetes: { "authentication-mode": "tls" } },
    says: [
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
    says: ["settings.kubernetes.cluster-name must be set because api-server is set and authentication-mode is aws"],
    holds: { kubernetes: { ...server, "cluster-name": "a" } },
  },
  {
    rule: "a node that joins a cluster knows where and how",
    breaks: { kubernetes: { "cluster-name": "a", "standalone-mode": false } },
    says: [
      "settings.kubernetes.api-server must be set because cluster-name is set and authentication-mode is tls",
      "settings.kubernetes.cluster-certificate must be set because cluster-name is set and authentication-mode is tls",
      "settings.kubernetes.bootstrap-token must be set because cluster-name is set and authentication-mode is tls",
    ],
    // Nothing says that the node is to join.
    holds: { kubernetes: { "standalone-mode": true, "authentication-mode": "tls" }, motd: "x" },
  },
  {
    rule: "a bridge of a lone node has addresses",
    breaks: { kubernetes: { "standalone-mode": true, "pod-network": "bridge" } },
    says: ["settings.kubernetes.pod-cidr must be set because pod-network is bridge and standalone-mode is true"],
    holds: { kubernetes: { "standalone-mode": true, "pod-network": "bridge", "pod-cidr": "10.244.0.0/24" } },
  },
  {
    rule: "a certificate to serve with has its key",
    breaks: { kubernetes: { "server-key": "YQ==" } },
    says: ["settings.kubernetes.server-certificate must be set because server-key is set"],
    holds: { kubernetes: { "server-key": "YQ==", "server-certificate": "YQ==" } },
  },
  {
    rule: "a certificate to serve with has its key",
    breaks: { kubernetes: { "server-certificate": "YQ==" } },
    says: ["settings.kubernetes.server-key must be set because server-certificate is set"],
    holds: {},
  },
  {
    rule: "an enabled static pod has a manifest",
    breaks: { kubernetes: { "static-pods": { a: { enabled: true } } } },
    says: ["settings.kubernetes.static-pods.a.manifest must be set because enabled is true"],
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
  {
    rule: "an enabled credential provider is asked about some images",
    breaks: { kubernetes: { "credential-providers": { ecr: { enabled: true, "image-patterns": [] } } } },
    says: ["settings.kubernetes.credential-providers.ecr.image-patterns must be set because enabled is true"],
    holds: { kubernetes: { "credential-providers": { ecr: { enabled: true, "image-patterns": ["*"] } } } },
  },
  {
    rule: "a soft eviction has a grace period",
    breaks: { kubernetes: { "eviction-soft": { "memory.available": "5%" } } },
    says: [
      'settings.kubernetes.eviction-soft-grace-period."memory.available" must be set because eviction-soft has this signal',
    ],
    holds: {
      kubernetes: {
        "eviction-soft": { "memory.available": "5%" },
        "eviction-soft-grace-period": { "memory.available": "1m" },
      },
    },
  },
  {
    rule: "garbage collection of images goes from high to low",
    breaks: { kubernetes: { "image-gc-high-threshold-percent": 80, "image-gc-low-threshold-percent": 80 } },
    says: [
      "settings.kubernetes.image-gc-low-threshold-percent must be below image-gc-high-threshold-percent, which is 80",
    ],
    holds: { kubernetes: { "image-gc-high-threshold-percent": 81, "image-gc-low-threshold-percent": 80 } },
  },
  {
    rule: "critical pods get their time from the shutdown's",
    breaks: { kubernetes: { "shutdown-grace-period-for-critical-pods": "10s" } },
    says: [
      "settings.kubernetes.shutdown-grace-period must be set because shutdown-grace-period-for-critical-pods is set",
    ],
    holds: { kubernetes: { "shutdown-grace-period-for-critical-pods": "10s", "shutdown-grace-period": "30s" } },
  },
  {
    rule: "options of the CPU manager are for its static policy",
    breaks: { kubernetes: { "cpu-manager-policy-options": ["full-pcpus-only"] } },
    says: ["settings.kubernetes.cpu-manager-policy must be static because cpu-manager-policy-options is set"],
    holds: { kubernetes: { "cpu-manager-policy-options": ["full-pcpus-only"], "cpu-manager-policy": "static" } },
  },
  {
    rule: "the static memory manager has a reservation",
    breaks: {
      kubernetes: { "memory-manager-policy": "Static", "memory-manager-reserved-memory": { "0": { enabled: false } } },
    },
    says: [
      "settings.kubernetes.memory-manager-reserved-memory must have an enabled entry because memory-manager-policy is Static",
    ],
    holds: {
      kubernetes: {
        "memory-manager-policy": "Static",
        "memory-manager-reserved-memory": { "0": { enabled: true, memory: "1Gi" } },
      },
    },
  },
];

test.each(cases)("$rule: $says.0", ({ rule, on = "metal", breaks, says, holds }) => {
  const model = models[on];
  for (const tree of [breaks, holds]) expect(model.parse(tree)).toMatchObject({ ok: true, value: tree });
  expect(
    model
      .requirements(breaks)
      .map(({ message }) => message)
      .toSorted(),
  ).toEqual(says.toSorted());
  expect(model.requirements(holds)).toEqual([]);
  const [own] = rules.filter(({ name }) => name === rule);
  expect([...(own?.check(model.complete(breaks), breaks) ?? [])]).toHaveLength(says.length);
});

test("every rule has a case above, and its own name", () => {
  expect([...new Set(cases.map(({ rule }) => rule))].toSorted()).toEqual(rules.map(({ name }) => name).toSorted());
});
