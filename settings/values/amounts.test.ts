import { testType } from "../../test/cases/type-cases.ts";
import { byteSize, limit, pageCount, percent } from "./amounts.ts";

testType("limit", limit, {
  accepts: [0, 65_536, Number.MAX_SAFE_INTEGER, "unlimited"],
  becomes: [[-1, "unlimited"]],
  refuses: [-2, 0.5, "65536", "Unlimited", null],
});
testType("byteSize", byteSize, {
  accepts: [1, 8_388_608],
  becomes: [
    ["1024", 1024],
    ["512b", 512],
    ["1kb", 1000],
    ["8MiB", 8_388_608],
    ["2 gb", 2_000_000_000],
  ],
  refuses: [0, -1, 1.5, "", "8m", "mib", "1.5mib", "0", "1tb"],
});
testType("percent", percent, {
  accepts: [0, 85, 100],
  becomes: [
    ["85", 85],
    ["100", 100],
  ],
  refuses: [-1, 101, 85.5, "101", "85%", "", " 85", null],
});
testType("pageCount", pageCount, {
  accepts: ["0", "512", "0:512", "0:512,1:256"],
  becomes: [[512, "512"]],
  refuses: ["", "-1", -1, 1.5, "0:", "0:1,", "a"],
});
