package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

type clientOptions struct {
	url   string
	calls int
	send  int
	id    int
	wait  string
	http2 bool
}

type client struct {
	url     *url.URL
	session string
	http    http.Client
}

// newClient trusts what SSL_CERT_FILE names, as all Go programs do.
func newClient(given clientOptions) *client {
	to, err := url.Parse(given.url)
	if err != nil {
		fail(err)
	}
	transport := &http.Transport{ForceAttemptHTTP2: given.http2}
	if !given.http2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return &client{url: to, http: http.Client{Transport: transport}}
}

func (c *client) send(method string, message map[string]any) string {
	exchange := newExchange("client", method, c.url.RequestURI(), c.session)
	var text []byte
	if message != nil {
		message["jsonrpc"] = "2.0"
		text, _ = json.Marshal(message)
		exchange.message("request", text)
	}
	request, err := http.NewRequest(method, c.url.String(), bytes.NewReader(text))
	if err != nil {
		fail(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	if c.session != "" {
		request.Header.Set("Mcp-Session-Id", c.session)
		request.Header.Set("Mcp-Protocol-Version", "2025-06-18")
	}
	response, err := c.http.Do(request)
	if err != nil {
		fail(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		fail(fmt.Errorf("%s: %d %v %s", method, response.StatusCode, err, body))
	}
	if given := response.Header.Get("Mcp-Session-Id"); given != "" {
		c.session = given
	}
	exchange.answered(response.StatusCode, c.session)
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		exchange.message("response", body)
		return string(body)
	}
	for _, line := range strings.Split(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n") {
		if data := strings.TrimPrefix(line, "data: "); strings.HasPrefix(data, "{") {
			exchange.message("response", []byte(data))
		}
	}
	return string(body)
}

func (c *client) call(n int, message string) {
	params := map[string]any{"name": "echo", "arguments": map[string]any{"message": message}}
	answer := c.send("POST", map[string]any{"id": n, "method": "tools/call", "params": params})
	if !strings.Contains(answer, `"content"`) {
		fail(fmt.Errorf("call %d: %.300s", n, answer))
	}
}

func (c *client) initialize() {
	info := map[string]any{"name": "go-client", "version": "1.0.0"}
	params := map[string]any{"protocolVersion": "2025-06-18", "capabilities": map[string]any{}, "clientInfo": info}
	c.send("POST", map[string]any{"id": 0, "method": "initialize", "params": params})
	c.send("POST", map[string]any{"method": "notifications/initialized"})
}

func runClient(given clientOptions) {
	c := newClient(given)
	c.initialize()
	c.send("POST", map[string]any{"id": "tools", "method": "tools/list"})
	if given.wait != "" {
		waitFor(given.wait)
	}
	for n := 1; n <= given.calls; n++ {
		text := fmt.Sprintf("call %d ü 𝄞 ", n)
		if more := given.send - len(text); more > 0 {
			text += strings.Repeat("0123456789", more/10)
		}
		c.call(n, text)
	}
	if c.session != "" {
		c.send("DELETE", nil)
	}
	fmt.Fprintln(os.Stderr, "client: tools/call")
}

func postOnce(given clientOptions) {
	newClient(given).call(given.id, fmt.Sprintf("call %d", given.id))
}

func waitFor(file string) {
	if err := os.WriteFile(file, []byte("waiting"), 0o600); err != nil {
		fail(err)
	}
	for {
		if text, _ := os.ReadFile(file); string(text) == "go" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
