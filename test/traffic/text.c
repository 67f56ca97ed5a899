/* SPDX-License-Identifier: Apache-2.0 */
/* In: numbers and sizes. Out: the text of real MCP messages, and of what is none. */
#include "traffic.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void add(struct text *t, const char *bytes, size_t len)
{
	if (t->len + len > t->room) {
		t->room = (t->len + len) * 2 + 4096;
		t->bytes = realloc(t->bytes, t->room);
		if (!t->bytes)
			die("realloc");
	}
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

void add_string(struct text *t, const char *s)
{
	add(t, s, strlen(s));
}

void add_line_end(struct text *t)
{
	add_string(t, opt.crlf ? "\r\n" : "\n");
}

/* Text of `size` bytes inside a JSON string: letters, escapes and characters of 2, 3 and 4 bytes. */
static void add_filler(struct text *t, long id, long size)
{
	static const char *const pieces[] = { "abcdefgh", "\\n", "é", "IJKLMNOP", "漢", "\\\"", "😀", "01234567", "\\u00e9" };
	uint32_t state = (uint32_t)id * 2654435761u + 1;
	while (size > 0) {
		state = state * 1664525u + 1013904223u;
		const char *piece = pieces[(state >> 16) % (sizeof(pieces) / sizeof(*pieces))];
		long len = (long)strlen(piece);
		if (len > size) {
			add(t, "xxxxxxxx", size);
			return;
		}
		add(t, piece, len);
		size -= len;
	}
}

void add_request(struct text *t, long id, long size)
{
	char head[256];
	snprintf(head, sizeof head,
		 "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":"
		 "{\"tag\":\"%s\",\"text\":\"",
		 id, opt.tag);
	add_string(t, head);
	add_filler(t, id, size - (long)strlen(head));
	add_string(t, "\"}}}");
	add_line_end(t);
}

void add_answer(struct text *t, long id, long size)
{
	char head[256];
	snprintf(head, sizeof head,
		 "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"%s ", id, opt.tag);
	add_string(t, head);
	add_filler(t, id + 7, size - (long)strlen(head));
	add_string(t, "\"}]}}");
	add_line_end(t);
}

void add_initialize(struct text *t, long id)
{
	char line[512];
	snprintf(line, sizeof line,
		 "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
		 "\"capabilities\":{},\"clientInfo\":{\"name\":\"traffic-client\",\"version\":\"1.0\"}}}",
		 id);
	add_string(t, line);
	add_line_end(t);
}

void add_initialize_answer(struct text *t, long id)
{
	char line[512];
	snprintf(line, sizeof line,
		 "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":"
		 "{\"tools\":{}},\"serverInfo\":{\"name\":\"traffic-server\",\"version\":\"1.0\"}}}",
		 id);
	add_string(t, line);
	add_line_end(t);
}

void add_initialized(struct text *t)
{
	add_string(t, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	add_line_end(t);
}

void add_progress(struct text *t, long id)
{
	char line[256];
	snprintf(line, sizeof line,
		 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"%s%ld\",\"progress\":1}}",
		 opt.tag, id);
	add_string(t, line);
	add_line_end(t);
}

/* What careless programs print between their messages. Ends with a line end. */
void add_noise(struct text *t, long which)
{
	switch (which % 5) {
	case 0:
		add_string(t, "[info] 2026-01-01 server ready: café, 漢字, 😀");
		break;
	case 1: {
		char bytes[300];
		uint32_t state = (uint32_t)which;
		bytes[0] = (char)0xff;
		for (size_t i = 1; i < sizeof bytes; i++) {
			state = state * 1664525u + 1013904223u;
			bytes[i] = (char)(state >> 24);
			if (bytes[i] == '\n')
				bytes[i] = 0;
		}
		add(t, bytes, sizeof bytes);
		break;
	}
	case 2:
		add_string(t, "{\n  \"level\": \"info\",\n  \"list\": [\n    1,\n    {}\n  ]\n}");
		break;
	case 3:
		add_string(t, "\r\n\n   ");
		break;
	default:
		add_string(t, "{\"jsonrpc\": half of a message");
	}
	add_line_end(t);
}
