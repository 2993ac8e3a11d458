/**
 * Swap space in compressed memory, as the environment of its unit, which starts by its being there
 * (`os/units/zram-swap.path`); see zramctl(8).
 */
import { configFile } from "./config-file.ts";
import { environmentFile } from "./environment-file.ts";

const pageBytes = 4096;

export const zramSwap = configFile({
  path: "/etc/zram-swap.env",
  restart: ["zram-swap.service"],
  render({ kernel: { zram } }, { memoryBytes }) {
    if (!zram.enabled) return undefined;
    const bytes = Math.floor((memoryBytes * zram["memory-percent"]) / 100 / pageBytes) * pageBytes;
    return environmentFile([
      ["ZRAM_BYTES", String(bytes)],
      ["ZRAM_ALGORITHM", zram.algorithm],
    ]);
  },
});
