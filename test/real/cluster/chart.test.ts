/**
 * Protects: the real Helm renders and installs the chart on the oldest minor that nodes may have, and what it installs is
 * enough for the operator, and no more.
 */
import { chartInstalls } from "./chart-installs.ts";

chartInstalls("1.20", { refines: false });
