/** Which view is shown: the part behind "#/" of the address, so that a view can be kept as a bookmark and gone back to. */
import { useEffect, useState } from "preact/hooks";
import { routeIn, type RouteName } from "./routes.ts";

export function useRoute(): RouteName {
  const [route, setRoute] = useState(routeIn(location.hash));
  useEffect(() => {
    const changed = (): void => setRoute(routeIn(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
