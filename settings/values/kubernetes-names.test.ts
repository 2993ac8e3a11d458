import { testType } from "../../test/cases/type-cases.ts";
import { bootstrapToken, clusterName, labelKey, labelValue, nodeName, taint } from "./kubernetes-names.ts";

const name63 = "a".repeat(63);
const domain253 = Array(4).fill(name63).join(".").slice(0, 253);

testType("labelKey", labelKey, {
  accepts: ["a", "A.b_c-d", "example.com/name", "a/b", name63, `${domain253}/${name63}`],
  refuses: [
    "",
    "/a",
    "a/",
    "a/b/c",
    "-a",
    "a-",
    ".a",
    `${name63}a`,
    "Example.com/a",
    "ex_ample/a",
    `${domain253}x/a`,
    "é",
  ],
});
testType("labelValue", labelValue, {
  accepts: ["", "a", "A.b_c-9", name63],
  refuses: ["-", "a.", `${name63}a`, "a b", "é", 1],
});
testType("taint", taint, {
  accepts: [":NoSchedule", "true:NoExecute", "a.b-c_d:PreferNoSchedule"],
  refuses: ["", "NoSchedule", "true:", "true:noschedule", "true:Never", "-:NoSchedule", "a:b:NoSchedule"],
});
testType("clusterName", clusterName, { accepts: ["production", "A-1.b_c"], refuses: ["", "-a", "a b", `${name63}a`] });
testType("bootstrapToken", bootstrapToken, {
  accepts: ["abcdef.0123456789abcdef"],
  refuses: [
    "",
    "ABCDEF.0123456789abcdef",
    "abcdef.0123456789abcde",
    "abcde.0123456789abcdef",
    "abcdef0123456789abcdef",
  ],
});
testType("nodeName", nodeName, {
  accepts: ["node-1", "i-0123456789abcdef0", "ip-10-0-0-1.us-west-2.compute.internal", name63],
  refuses: ["", "Node", "a_b", "-a", "a-", "a..b", `${name63}.b`, `${domain253}a`],
});
