import { testType } from "../../test/cases/type-cases.ts";
import { imageReference, registryHost } from "./oci-names.ts";

testType("imageReference", imageReference, {
  accepts: ["busybox", "registry.example.com:5000/a/b:v1", `example.com/a@sha256:${"0".repeat(64)}`, "x"],
  refuses: [
    "",
    "example.com/a@sha256:00",
    "example.com/Tool",
    "https://example.com/a",
    "a:b:c",
    "/a",
    "a b",
    " a",
    "a\n",
    "é",
    "x".repeat(1025),
    1,
  ],
});
testType("registryHost", registryHost, {
  accepts: ["*", "docker.io", "registry.example.com:5000", "localhost", "10.0.0.1:80", "[fd00::1]:5000"],
  refuses: ["", "https://docker.io", "docker.io/library", "*.example.com", "a b", "a:port", "-a"],
});
