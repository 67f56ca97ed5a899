// Reads NDJSON with Go's encoding/json as it is; what it cannot read ends it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
)

func main() {
	lines := json.NewDecoder(os.Stdin)
	for {
		var line map[string]any
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		texts := []any{}
		for _, member := range []string{"id", "method", "params", "result", "error"} {
			texts = append(texts, line[member+"_text"])
		}
		text, err := json.Marshal(texts)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("TEXTS", string(text))
	}
}
