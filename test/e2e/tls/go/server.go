package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync/atomic"
)

type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		ProtocolVersion string `json:"protocolVersion"`
		Name            string `json:"name"`
		Arguments       struct {
			Message string `json:"message"`
		} `json:"arguments"`
	} `json:"params"`
}

var sessions atomic.Int64

func serve(port int, directory string, http2 bool) error {
	http.HandleFunc("/mcp", answer)
	server := &http.Server{Addr: fmt.Sprintf("127.0.0.1:%d", port)}
	if !http2 {
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	return server.ListenAndServeTLS(filepath.Join(directory, "certificate.pem"), filepath.Join(directory, "key.pem"))
}

func answer(w http.ResponseWriter, r *http.Request) {
	session := r.Header.Get("Mcp-Session-Id")
	exchange := newExchange("server", r.Method, r.URL.RequestURI(), session)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	exchange.message("request", body)
	asked := request{}
	if r.Method != http.MethodPost || json.Unmarshal(body, &asked) != nil {
		status := http.StatusOK
		if r.Method == http.MethodGet {
			status = http.StatusMethodNotAllowed
		}
		exchange.answered(status, session)
		w.WriteHeader(status)
		return
	}
	if asked.Method == "initialize" {
		session = fmt.Sprintf("go-%d", sessions.Add(1))
		w.Header().Set("Mcp-Session-Id", session)
	}
	if asked.ID == nil {
		exchange.answered(http.StatusAccepted, session)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	said := map[string]any{"jsonrpc": "2.0", "id": asked.ID}
	if result := resultOf(asked); result != nil {
		said["result"] = result
	} else {
		said["error"] = map[string]any{"code": -32601, "message": "there is no such thing"}
	}
	text, err := json.Marshal(said)
	if err != nil {
		fail(err)
	}
	exchange.answered(http.StatusOK, session)
	exchange.message("response", text)
	if asked.Method == "tools/call" && sum(asked.ID)%2 == 0 {
		w.Header().Set("Content-Type", "text/event-stream")
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush() // no length: chunks
		}
		fmt.Fprintf(w, "event: message\ndata: %s\n\n", text)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// the record has it, whoever reads it
	_, _ = w.Write(text)
}

func sum(id json.RawMessage) (sum int) {
	for _, c := range id {
		sum += int(c)
	}
	return sum
}

func resultOf(asked request) any {
	switch asked.Method {
	case "initialize":
		return map[string]any{
			"protocolVersion": asked.Params.ProtocolVersion,
			"capabilities":    map[string]any{"tools": map[string]any{}},
			"serverInfo":      map[string]any{"name": "go-server", "version": "1.0.0"},
		}
	case "tools/list":
		schema := map[string]any{"type": "object", "properties": map[string]any{"message": map[string]any{"type": "string"}}}
		return map[string]any{"tools": []any{map[string]any{"name": "echo", "inputSchema": schema}}}
	case "tools/call":
		if asked.Params.Name != "echo" {
			return nil
		}
		content := map[string]any{"type": "text", "text": "Echo: " + asked.Params.Arguments.Message}
		return map[string]any{"content": []any{content}}
	}
	return nil
}
