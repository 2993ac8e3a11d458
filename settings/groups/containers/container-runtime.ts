/** `settings.container-runtime` */
import { byteSize } from "../../values/amounts.ts";
import { setting, table } from "../../model/setting.ts";
import { flag, int32, oneOf, unlimitedOr, wholeNumber } from "../../model/type.ts";

const notNegative = wholeNumber({ least: 0, most: int32.most });
const positive = wholeNumber({ least: 1, most: int32.most });

export const containerRuntime = table(
  "containerd, where the orchestrator uses it.",
  {
    "enable-unprivileged-icmp": setting({
      type: flag,
      doc: "Whether containers without privileges may open ICMP echo sockets.",
    }),
    "enable-unprivileged-ports": setting({
      type: flag,
      doc: "Whether containers without privileges may listen on ports below 1024.",
    }),
    "max-concurrent-downloads": setting({
      type: notNegative,
      doc: "Layers of an image that are fetched at the same time; 0 for no limit.",
    }),
    "max-container-log-line-size": setting({
      type: unlimitedOr(notNegative),
      doc: "Bytes after which a line of a container's log is split; 0 or -1 for no limit.",
      example: 16_384,
    }),
    "log-level": setting({
      type: oneOf("trace", "debug", "info", "warn", "error", "fatal", "panic"),
      doc: "What containerd logs.",
    }),
    snapshotter: setting({ type: oneOf("overlayfs"), doc: "How containerd stores layers." }),
    "concurrent-download-chunk-size": setting({
      type: byteSize,
      doc: "Bytes of a layer that are fetched with one request, several requests at a time.",
      example: "8mib",
    }),
    "max-concurrent-unpacks": setting({
      type: positive,
      doc: "Layers of an image that are unpacked at the same time.",
    }),
  },
  { "concurrent-layer-fetch-buffer": "concurrent-download-chunk-size" },
);
