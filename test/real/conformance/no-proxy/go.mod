module orlop/no-proxy

go 1.22
