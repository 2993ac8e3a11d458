/** `settings.kubernetes`: identity of the node and access to the cluster; kubelet's knobs come from kubelet.ts. */
import { eviction, images, limits, logs, reservations, shutdown, topology } from "./kubelet.ts";
import { bootstrapToken, clusterName, labelKey, labelValue, nodeName, taint } from "../../values/kubernetes-names.ts";
import { duration } from "../../values/kubernetes-amounts.ts";
import { dnsDomain, ipAddress, ipRange } from "../../values/network-names.ts";
import { imageReference } from "../../values/oci-names.ts";
import { certificates, privateKey } from "../../values/pem.ts";

import { mapOf, setting, table } from "../../model/setting.ts";
import { podManifest } from "../../static-pods/manifest.ts";
import { identifier, line, pattern } from "../../values/text.ts";
import { flag, listOf, oneOf, itemOrList, secret, wholeNumber } from "../../model/type.ts";
import { httpsUrl } from "../../values/url.ts";

const provider = pattern(
  "the name of a credential provider: letters, digits, hyphens, underscores and dots",
  /^(?!\.)[A-Za-z0-9._-]{1,76}$/,
);
/** What kubelet reads as a URL without its scheme. */
const imagePattern = pattern(
  "a pattern of images such as *.dkr.ecr.*.amazonaws.com",
  /^(?:[A-Za-z0-9*._~-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?(?:\/[A-Za-z0-9*._~:@!$&'()+,;=/-]*)?$/,
);
const variable = pattern("the name of an environment variable", /^[A-Za-z_][A-Za-z0-9_]{0,127}$/);

export const kubernetes = table("The node and its kubelet.", {
  "cluster-name": setting({
    type: clusterName,
    doc: "Name of the cluster. Needed in authentication mode aws.",
    example: "production",
  }),
  "cluster-certificate": setting({ type: certificates, doc: "The cluster's certificate authority: PEM in base64." }),
  "api-server": setting({
    type: httpsUrl,
    doc: "The cluster's API. The node stays alone without it.",
    example: "https://cluster.example.com:6443",
  }),
  "authentication-mode": setting({
    type: oneOf("aws", "tls"),
    doc: "How kubelet proves who it is: with the instance's AWS role, or with a certificate that it asks for.",
    default: "tls",
  }),
  "bootstrap-token": setting({
    type: secret(bootstrapToken),
    doc: "With what kubelet asks for its first certificate. Needed in authentication mode tls.",
  }),
  "standalone-mode": setting({
    type: flag,
    doc: "Whether kubelet runs static pods only, without a cluster.",
    default: false,
  }),
  "server-tls-bootstrap": setting({
    type: flag,
    doc: "Whether kubelet asks the cluster for the certificate that it serves with.",
    default: true,
  }),
  "server-certificate": setting({ type: certificates, doc: "The certificate kubelet serves with: PEM in base64." }),
  "server-key": setting({ type: privateKey, doc: "The key of server-certificate: PEM in base64." }),
  "cloud-provider": setting({
    type: oneOf("aws", "external", ""),
    doc: "What kubelet is told about its cloud. Empty says nothing.",
    default: "external",
  }),
  "provider-id": setting({ type: line, doc: "How the cloud calls this node.", example: "aws:///us-west-2a/i-0123" }),
  "node-labels": mapOf({
    doc: "Labels of the node when it registers.",
    name: labelKey,
    placeholder: "label",
    entry: setting({ type: labelValue, doc: "The value; may be empty.", example: "batch" }),
  }),
  "node-taints": mapOf({
    doc: "Taints of the node when it registers.",
    name: labelKey,
    placeholder: "key",
    entry: setting({
      type: itemOrList(taint),
      doc: "Taints with this key; a single one may be written without the list.",
      example: ["gpu:NoSchedule"],
    }),
  }),
  "node-ip": setting({ type: ipAddress, doc: "Address of the node. Found unless set." }),
  "hostname-override": setting({
    type: nodeName,
    doc: "Name under which the node registers, instead of its host name.",
    example: "node-1.example.com",
  }),
  "hostname-override-source": setting({
    type: oneOf("private-dns-name", "instance-id"),
    doc: "What of the EC2 instance names the node, where hostname-override is not set.",
  }),
  "cluster-dns-ip": setting({
    type: itemOrList(ipAddress),
    doc: "Name servers of the cluster; a single one may be written without the list. Found on AWS unless set.",
    example: ["10.96.0.10"],
  }),
  "cluster-domain": setting({ type: dnsDomain, doc: "DNS domain of the cluster.", default: "cluster.local" }),
  "pod-network": setting({
    type: oneOf("cluster", "bridge"),
    doc: "Who connects pods: the cluster's own plug-in, which installs itself, or this host, by a bridge for the node's range of addresses. A bridge that was there once stays until the next boot.",
    default: "cluster",
  }),
  "pod-cidr": setting({
    type: ipRange,
    doc: "Addresses of pods in standalone mode. In a cluster, the node gets its range from the cluster.",
    example: "10.244.0.0/24",
  }),
  "static-pods": mapOf({
    doc: "Pods that kubelet runs by itself.",
    name: identifier,
    placeholder: "name",
    entry: table("One pod.", {
      enabled: setting({ type: flag, doc: "Whether it runs. Needs manifest.", default: false }),
      manifest: setting({
        type: podManifest,
        doc: "The pod: YAML or JSON in base64, as the variant's kubelet takes static pods.",
      }),
    }),
  }),
  "static-pods-enabled": setting({ type: flag, doc: "Whether kubelet runs static pods at all.", default: true }),
  "pod-infra-container-image": setting({
    type: imageReference,
    doc: "The pause image.",
    example: "registry.example.com/pause:3.9",
  }),
  "credential-providers": mapOf({
    doc: "Programs that give kubelet credentials for registries.",
    name: provider,
    placeholder: "program",
    since: "1.24",
    entry: table("One program.", {
      enabled: setting({ type: flag, doc: "Whether it is used. Needs image-patterns.", default: false }),
      "image-patterns": setting({
        type: listOf(imagePattern),
        doc: "Images it is asked about.",
        example: ["*.registry.example.com"],
      }),
      "cache-duration": setting({
        type: duration,
        doc: "How long its answer holds, unless it says so itself.",
        default: "12h",
      }),
      environment: mapOf({
        doc: "Its environment.",
        name: variable,
        placeholder: "variable",
        entry: setting({ type: secret(line), doc: "The value." }),
      }),
    }),
  }),
  "updates-by-cluster": setting({
    type: flag,
    doc: "Whether this host obeys the operator of its cluster's fleet: it reports to its own Node, and takes orders for updates and reboots from there. The node label bottlerocket.aws/updater-interface-version asks for the same.",
    default: false,
  }),
  "log-level": setting({
    type: wholeNumber({ least: 0, most: 10 }),
    doc: "How much kubelet logs.",
    default: 2,
  }),
  ...limits,
  ...reservations,
  ...eviction,
  ...images,
  ...logs,
  ...shutdown,
  ...topology,
});
