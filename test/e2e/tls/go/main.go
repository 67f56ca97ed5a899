// Command mcp speaks MCP by Go's own net/http and crypto/tls, and keeps the record that ../../http/record.mjs describes.
//
//	mcp server --port PORT --tls DIRECTORY    Streamable HTTP, answers with JSON and streams in turn
//	mcp client --url URL                      a session of 23 calls; --calls, --send, --wait as raw.mjs has them
//	mcp post --url URL --id N                 one request on a connection of its own, and the end
//
// All speak HTTP/1.1, with --http2 what Go speaks by itself.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("want server, client or post"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	port := flags.Int("port", 0, "")
	directory := flags.String("tls", "", "")
	http2 := flags.Bool("http2", false, "")
	given := clientOptions{}
	flags.StringVar(&given.url, "url", "", "")
	flags.IntVar(&given.calls, "calls", 23, "")
	flags.IntVar(&given.send, "send", 0, "")
	flags.IntVar(&given.id, "id", 1, "")
	flags.StringVar(&given.wait, "wait", "", "")
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	given.http2 = *http2
	switch os.Args[1] {
	case "server":
		fail(serve(*port, *directory, *http2))
	case "client":
		runClient(given)
	case "post":
		postOnce(given)
	default:
		fail(fmt.Errorf("unknown command %q", os.Args[1]))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
