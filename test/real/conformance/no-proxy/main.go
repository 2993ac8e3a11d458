// Prints for each URL whether Go's HTTP client, and with it containerd and kubelet, goes through the proxy of its
// environment.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	for _, address := range os.Args[1:] {
		request, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			panic(err)
		}
		proxy, err := http.ProxyFromEnvironment(request)
		if err != nil {
			panic(err)
		}
		if proxy == nil {
			fmt.Println("direct")
		} else {
			fmt.Println("proxied")
		}
	}
}
