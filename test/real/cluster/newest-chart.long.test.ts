/**
 * Protects: the real Helm renders and installs the chart on the newest minor that nodes may have, where a
 * ValidatingAdmissionPolicy holds the operator to what is its own on a Node. Its control plane is compiled where it is not in
 * the cache.
 */
import { chartInstalls } from "./chart-installs.ts";

chartInstalls("1.35", { refines: true });
