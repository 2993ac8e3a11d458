import { testType } from "../../test/cases/type-cases.ts";
import { agentDuration, attributeKey, attributeValue } from "./ecs-names.ts";

testType("attributeKey", attributeKey, {
  accepts: ["stack", "example.com/rack", "a_b-c", "x".repeat(128)],
  refuses: ["", "a b", "a@b", "x".repeat(129)],
});
testType("attributeValue", attributeValue, {
  accepts: ["blue", "r 12", "a@b:c/d\\e", "x".repeat(128)],
  refuses: ["", " a", "a ", "a\tb", "x".repeat(129), "é"],
});
testType("agentDuration", agentDuration, {
  accepts: ["30s", "1h1m1s", "5ms", "5us", "5ns", "1s5ns"],
  refuses: ["", "30", "1s1h", "5d", 30],
});
