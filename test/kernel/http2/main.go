// server TLS|PLAIN, or client TLS|PLAIN PORT CALLS TOGETHER BYTES FIRST: as server.mjs and client.mjs, by net/http.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	if os.Args[1] == "server" {
		serve(os.Args[2] == "TLS")
	} else {
		call(os.Args[2] == "TLS", os.Args[3:])
	}
}

func protocols(isTLS bool) *http.Protocols {
	all := new(http.Protocols)
	all.SetHTTP1(isTLS)
	all.SetHTTP2(isTLS)
	all.SetUnencryptedHTTP2(!isTLS)
	return all
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type message struct {
	ID     int             `json:"id"`
	Params json.RawMessage `json:"params"`
}

func answer(writer http.ResponseWriter, request *http.Request) {
	var asked message
	if request.ProtoMajor != 2 || json.NewDecoder(request.Body).Decode(&asked) != nil {
		http.Error(writer, "no", http.StatusBadRequest)
		return
	}
	if asked.ID%5 == 0 {
		time.Sleep(20 * time.Millisecond)
	}
	text := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"content":[],"echo":%s}}`, asked.ID, asked.Params)
	writer.Header().Set("Mcp-Session-Id", "h2-session")
	if asked.ID%3 == 0 {
		writer.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(writer, "event: message\ndata: %s\n\n", text)
		return
	}
	writer.Header().Set("Content-Type", "application/json")
	io.WriteString(writer, text)
}

func serve(isTLS bool) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	mux := http.NewServeMux()
	mux.HandleFunc("/mcp", answer)
	server := &http.Server{Handler: mux, Protocols: protocols(isTLS)}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if isTLS {
		must(server.ServeTLS(listener, os.Args[3]+"/certificate.pem", os.Args[3]+"/key.pem"))
	} else {
		must(server.Serve(listener))
	}
}

func call(isTLS bool, args []string) {
	numbers := make([]int, 5)
	for i, arg := range args {
		numbers[i], _ = strconv.Atoi(arg)
	}
	port, calls, together, size, first := numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
	scheme := "http"
	transport := &http.Transport{Protocols: protocols(isTLS)}
	if isTLS {
		scheme = "https"
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	client := &http.Client{Transport: transport}
	one := func(id int) {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"%s"}}}`,
			id, strings.Repeat("x", size))
		request, err := http.NewRequest("POST", fmt.Sprintf("%s://127.0.0.1:%d/mcp", scheme, port), bytes.NewReader([]byte(body)))
		must(err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json, text/event-stream")
		request.Header.Set("Authorization", "Bearer secret-of-the-test")
		response, err := client.Do(request)
		must(err)
		text, err := io.ReadAll(response.Body)
		must(err)
		response.Body.Close()
		var got message
		text = bytes.TrimPrefix(text, []byte("event: message\ndata: "))
		if json.Unmarshal(text, &got) != nil || got.ID != id || response.ProtoMajor != 2 {
			must(fmt.Errorf("asked %d, answered %d by %s", id, got.ID, response.Proto))
		}
	}
	next := 0
	for ; next < first; next++ {
		one(next)
	}
	if first > 0 {
		fmt.Println("waits")
		io.Copy(io.Discard, os.Stdin)
	}
	ids := make(chan int)
	var all sync.WaitGroup
	for i := 0; i < together; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for id := range ids {
				one(id)
			}
		}()
	}
	for ; next < calls; next++ {
		ids <- next
	}
	close(ids)
	all.Wait()
}
