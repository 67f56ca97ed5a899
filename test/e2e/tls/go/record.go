package main

import (
	"encoding/json"
	"os"
	"strconv"
	"sync"
	"time"
)

// The independent record: what this program gave to net/http and was given by it.

var (
	began    = time.Now()
	recordMu sync.Mutex
	count    int
)

type exchange struct {
	number  int
	role    string
	method  string
	path    string
	session *string
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func newExchange(role, method, path, session string) *exchange {
	recordMu.Lock()
	defer recordMu.Unlock()
	count++
	return &exchange{count, role, method, path, optional(session)}
}

func (e *exchange) message(side string, text []byte) {
	if len(text) == 0 {
		return
	}
	direction := "received"
	if (side == "request") == (e.role == "client") {
		direction = "sent"
	}
	note(map[string]any{
		"event": "message", "exchange": e.number, "direction": direction, "side": side, "session": e.session,
		"text": string(text),
	})
}

// answered comes before the messages of the answer, whose session may be a new one.
func (e *exchange) answered(status int, session string) {
	if session != "" {
		e.session = &session
	}
	note(map[string]any{
		"event": "exchange", "exchange": e.number, "role": e.role, "method": e.method, "path": e.path,
		"status": status, "session": e.session,
	})
}

func note(entry map[string]any) {
	file := os.Getenv("OVERHEAR_RECORD")
	if file == "" {
		return
	}
	entry["ns"] = strconv.FormatInt(time.Since(began).Nanoseconds(), 10)
	entry["self"] = os.Getpid()
	line, err := json.Marshal(entry)
	if err != nil {
		fail(err)
	}
	recordMu.Lock()
	defer recordMu.Unlock()
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fail(err)
	}
	defer out.Close()
	if _, err := out.Write(append(line, '\n')); err != nil {
		fail(err)
	}
}
