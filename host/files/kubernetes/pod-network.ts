/**
 * The network of pods where no plug-in of the cluster installs itself: a bridge on this node, behind its address.
 *
 * containerd fills the template in when kubelet tells it the node's range of addresses, unless a network is configured
 * already. Source: containerd's docs/cri/config.md, `conf_template`; the plug-ins bridge, host-local and portmap of CNI.
 */
import { configFile } from "../config-file.ts";
import { json, nodeOf } from "./node.ts";
import { podNetworkTemplate } from "./paths.ts";

export const podNetwork = configFile({
  path: podNetworkTemplate,
  render: (settings, facts) =>
    nodeOf(settings, facts)?.kubernetes["pod-network"] === "bridge" ? json(template) : undefined,
});

const template = {
  cniVersion: "1.0.0",
  name: "orlop",
  plugins: [
    {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      ipMasq: true,
      // A pod reaches itself through a service.
      hairpinMode: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "{{.PodCIDR}}" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};
