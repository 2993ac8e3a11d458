import { expect, test } from "bun:test";
import { join } from "node:path";
import { parse } from "smol-toml";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { Failure } from "../../lib/failure.ts";
import { checkDocument } from "../document/check.ts";
import { eksctlUserData } from "./user-data.ts";

const sample = await Bun.file(join(import.meta.dir, "..", "samples", "eks.toml")).text();
const certificate = /cluster-certificate = "(.*)"/.exec(sample)?.[1] ?? "";

const noFile = async (path: string): Promise<string> =>
  await Promise.reject(new Failure("cannot-read", `cannot read ${path}`));

async function made(text: string, nodegroup?: string, readKey = noFile) {
  const { userData, notes, lacking } = await eksctlUserData(text, nodegroup, readKey);
  expect(checkDocument(userData, modelNamed("aws-k8s-1.35"))).toMatchObject({ valid: true });
  return {
    settings: parse(userData)["settings"],
    notes: notes.map(({ line, column, key, message }) => `${line}:${column} ${key} ${message}`),
    lacking,
  };
}

const inGroup = (lines: string): string => `kind: ClusterConfig
metadata: { name: production, region: us-west-2 }
nodeGroups:
  - name: web
    amiFamily: Bottlerocket
${lines.replaceAll(/^(?=.)/gm, "    ")}`;

const eksctlLabels = {
  "alpha.eksctl.io/cluster-name": "production",
  "alpha.eksctl.io/nodegroup-name": "web",
};

test("a node group becomes what eksctl makes of it", async () => {
  const config = `apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: { name: bottlerocket2, region: us-west-2, version: '1.35' }
nodeGroups:
  - name: ng-bottlerocket2
    labels: { bottlerocket.aws/updater-interface-version: 2.0.0 }
    taints:
      - key: special
        value: "true"
        effect: NoSchedule
    instanceType: m5.large
    desiredCapacity: 3
    maxPodsPerNode: 58
    clusterDNS: 10.100.0.10
    amiFamily: Bottlerocket
    ssh: { allow: true, publicKeyName: example }
    bottlerocket:
      enableAdminContainer: true
      settings:
        motd: "Hello!"
`;
  expect(await made(config)).toEqual({
    settings: {
      motd: "Hello!",
      kubernetes: {
        "max-pods": 58,
        "cluster-dns-ip": "10.100.0.10",
        "node-labels": {
          "bottlerocket.aws/updater-interface-version": "2.0.0",
          "alpha.eksctl.io/cluster-name": "bottlerocket2",
          "alpha.eksctl.io/nodegroup-name": "ng-bottlerocket2",
        },
        "node-taints": { special: "true:NoSchedule" },
      },
      "host-containers": { admin: { enabled: true } },
    },
    notes: [
      "11:5 nodeGroups[0].instanceType is what eksctl asks AWS for, and no setting of a host",
      "12:5 nodeGroups[0].desiredCapacity is what eksctl asks AWS for, and no setting of a host",
      "16:25 nodeGroups[0].ssh.publicKeyName is left out: only EC2 knows the key; write its public half as publicKey",
    ],
    lacking: ["cluster-name", "api-server", "cluster-certificate"],
  });
});

test("flow style is the same", async () => {
  const flow = `{ kind: ClusterConfig, nodeGroups: [{ name: a, instanceType: m5ad.4xlarge, amiFamily: bottlerocket,
  privateNetworking: true, bottlerocket: { enableAdminContainer: true, settings: { motd: "Bottlerocket rocks!",
  bootstrap-containers: { bootstrap: { source: "example.com/b:1", mode: "always", essential: false } } } },
  ssh: { allow: true, publicKeyName: "key" } }] }`;
  const { settings, notes } = await made(flow);
  expect(settings).toMatchObject({
    motd: "Bottlerocket rocks!",
    "bootstrap-containers": { bootstrap: { source: "example.com/b:1", mode: "always", essential: false } },
    "host-containers": { admin: { enabled: true } },
    kubernetes: { "node-labels": { "alpha.eksctl.io/nodegroup-name": "a" } },
  });
  expect(notes).toEqual([
    "1:48 nodeGroups[0].instanceType is what eksctl asks AWS for, and no setting of a host",
    "2:3 nodeGroups[0].privateNetworking is what eksctl asks AWS for, and no setting of a host",
    "4:23 nodeGroups[0].ssh.publicKeyName is left out: only EC2 knows the key; write its public half as publicKey",
  ]);
});

test.each([
  [
    "as a list",
    `- { key: a, value: b, effect: NoSchedule }\n- { key: a, value: c, effect: NoExecute }\n- { key: d, effect: NoSchedule }`,
  ],
  ["as a mapping of an older schema", `a: "b:NoSchedule"\nd: ":NoSchedule"`],
])("taints %s", async (how, taints) => {
  const { settings } = await made(inGroup(`taints:\n${taints.replaceAll(/^/gm, "  ")}\n`));
  const a = how === "as a list" ? ["b:NoSchedule", "c:NoExecute"] : "b:NoSchedule";
  expect(settings).toMatchObject({ kubernetes: { "node-taints": { a, d: ":NoSchedule" } } });
});

test("a taint that is an effect alone has no value, as for eksctl", async () => {
  const { settings } = await made(inGroup("taints: { gpu: NoSchedule }\n"));
  expect(settings).toMatchObject({ kubernetes: { "node-taints": { gpu: ":NoSchedule" } } });
});

test.each([
  ["allow: true\n  publicKey: ssh-ed25519 AAAA me", "ssh-ed25519 AAAA me"],
  ["publicKey: ssh-ed25519 AAAA me", "ssh-ed25519 AAAA me"],
  ["publicKeyPath: keys/me.pub", "the key in keys/me.pub"],
  ["allow: true", "the key in ~/.ssh/id_rsa.pub"],
])("ssh with %s lets the key into the admin container", async (ssh, key) => {
  const config = inGroup(`ssh:\n  ${ssh}\n`);
  const { settings, notes } = await made(
    config,
    undefined,
    async (path) => await Promise.resolve(`the key in ${path}\n`),
  );
  const userData = Buffer.from(JSON.stringify({ ssh: { "authorized-keys": [key] } })).toString("base64");
  expect(settings).toMatchObject({ "host-containers": { admin: { enabled: true, "user-data": userData } } });
  expect(notes).toEqual([]);
});

test("ssh that is not allowed changes nothing, and a key that cannot be read is told", async () => {
  const refused = await made(inGroup("ssh: { allow: false, publicKey: ssh-ed25519 AAAA me }\n"));
  expect(refused.settings).not.toHaveProperty("host-containers");
  expect((await made(inGroup("ssh: { allow: true, enableSsm: true }\n"))).notes).toEqual([
    "6:5 nodeGroups[0].ssh.publicKeyPath is left out: cannot read ~/.ssh/id_rsa.pub; write the key as publicKey",
    "6:25 nodeGroups[0].ssh.enableSsm is a way in that AWS opens, and no setting of a host",
  ]);
});

test("what the settings say about the admin container counts, and what they hide is told", async () => {
  const admin = "host-containers: { admin: { enabled: false, user-data: e30= } }";
  const group = `ssh: { publicKey: ssh-ed25519 AAAA me }\nbottlerocket: { enableAdminContainer: true, settings: { ${admin} } }\n`;
  const { settings, notes } = await made(inGroup(group));
  expect(settings).toMatchObject({ "host-containers": { admin: { enabled: false, "user-data": "e30=" } } });
  expect(notes).toEqual([
    "6:12 nodeGroups[0].ssh.publicKey is left out: settings.host-containers.admin.user-data says who may log in",
    "7:21 nodeGroups[0].bottlerocket.enableAdminContainer is left out: settings.host-containers.admin.enabled says it",
  ]);
});

test("labels and taints that the settings have are kept beside the group's", async () => {
  const group = `labels: { tier: front }\nbottlerocket:\n  settings:\n    kubernetes: { node-labels: { zone: a }, max-pods: 20 }\nmaxPodsPerNode: 58\n`;
  const { settings, notes } = await made(inGroup(group));
  expect(settings).toMatchObject({
    kubernetes: { "max-pods": 58, "node-labels": { zone: "a", tier: "front", ...eksctlLabels } },
  });
  expect(notes).toEqual([
    "9:49 nodeGroups[0].bottlerocket.settings.kubernetes.max-pods is left out: maxPodsPerNode says it, as for eksctl",
  ]);
});

test("no key is dropped in silence", async () => {
  const group = `instanceTyp: m5.large\nkubeletExtraConfig: { maxPods: 1 }\nbottlerocket: { settings: { motd: null }, setings: {} }\n`;
  const { notes } = await made(`${inGroup(group)}iam: { withOIDC: true }\nnodegroups: []\n`);
  expect(notes).toEqual([
    "6:5 nodeGroups[0].instanceTyp is left out: eksctl has no such key here; did you mean instanceType?",
    "7:5 nodeGroups[0].kubeletExtraConfig cannot be a setting: eksctl refuses it for Bottlerocket",
    "8:33 nodeGroups[0].bottlerocket.settings.motd is left out: it has no value",
    "8:47 nodeGroups[0].bottlerocket.setings is left out: eksctl has no such key here; did you mean settings?",
    "9:1 iam is about the cluster, and no setting of its hosts",
    "10:1 nodegroups is left out: eksctl has no such key here; did you mean nodeGroups?",
  ]);
});

test("the cluster's name is a setting once its address is there", async () => {
  const group = `bottlerocket:\n  settings:\n    kubernetes: { api-server: "https://a.example", cluster-name: x, cluster-certificate: ${certificate} }\n`;
  const { settings, notes, lacking } = await made(inGroup(group));
  expect(settings).toMatchObject({ kubernetes: { "cluster-name": "production", "api-server": "https://a.example" } });
  expect({ notes, lacking }).toEqual({
    notes: [
      "8:56 nodeGroups[0].bottlerocket.settings.kubernetes.cluster-name is left out: metadata.name says it, as for eksctl",
    ],
    lacking: [],
  });
});

test("managed groups have no clusterDNS, as for eksctl", async () => {
  const config = inGroup("clusterDNS: 10.0.0.10\nspot: true\n").replace("nodeGroups", "managedNodeGroups");
  const { settings, notes } = await made(config);
  expect(settings).toEqual({ kubernetes: { "node-labels": eksctlLabels } });
  expect(notes).toEqual([
    "6:5 managedNodeGroups[0].clusterDNS is left out: eksctl has no such key here",
    "7:5 managedNodeGroups[0].spot is what eksctl asks AWS for, and no setting of a host",
  ]);
});

test("a group is chosen by its name, and those that there are, are named", async () => {
  const two = `${inGroup("")}  - { name: plain }\nmanagedNodeGroups:\n  - { name: batch, bottlerocket: {} }\n`;
  const failing = async (config: string, name?: string): Promise<unknown> =>
    await eksctlUserData(config, name, noFile).catch((error: unknown) => error);
  expect(await failing(two)).toMatchObject({
    message: "cannot choose a node group: several are of Bottlerocket: web, batch",
    hint: "choose one with --nodegroup",
  });
  expect(await failing(two, "batsh")).toMatchObject({
    message: "cannot find the node group batsh: its node groups are web, plain, batch",
    hint: "did you mean batch?",
  });
  expect((await made(two, "batch")).settings).toMatchObject({
    kubernetes: { "node-labels": { "alpha.eksctl.io/nodegroup-name": "batch" } },
  });
  expect(await failing("kind: ClusterConfig\nnodeGroups: [{ name: a, amiFamily: AmazonLinux2023 }]\n")).toMatchObject({
    message: "cannot choose a node group: none is of Bottlerocket; its node groups are a",
  });
});

test.each([
  ["kind: ClusterConfig\nnodeGroups: [\n", /line 3, column 1: /],
  ["kind: Cluster\n", /line 1, column 1: kind: /],
  [inGroup("maxPodsPerNode: many\n"), /line 6, column 5: nodeGroups\[0\]\.maxPodsPerNode: /],
  [inGroup("labels: { a: 1 }\n"), /line 6, column 15: nodeGroups\[0\]\.labels\.a: /],
  [inGroup("bottlerocket: { settings: { kubernetes: 5 } }\n"), /kubernetes must be a mapping, not 5/],
])("what is broken is told with its place: %#", async (config, message) => {
  await expect(eksctlUserData(config, undefined, noFile)).rejects.toThrow(message);
});
