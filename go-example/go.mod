module tamias.dev/tamias/go-example

go 1.24
