/* SPDX-License-Identifier: Apache-2.0
 *
 * A long JSON-RPC message in, where its members stand and what of its body need not be parsed out. JavaScript takes ten
 * times as long for a character. What is taken here is strict JSON (RFC 8259) that every reader of JSON takes; all
 * else, and what is rare, is left to src/message/envelope.ts, which knows better and gives the same answers.
 */
#include <stdint.h>
#include <string.h>
#include "export.h"

#define MAX_DEPTH 60 /* as an object counts twice, far from MAX_LEVELS of src/json-readers.ts */
#define MAX_VALUES (1024 * 1024) /* as in src/message/body-span.ts */
#define MAX_NUMBER 200 /* characters; with such an exponent, far from what no double holds */
#define MAX_EXPONENT 2 /* digits */
#define MAX_KEPT (64 * 1024) /* of a body: bytes that are parsed */
#define KEPT_OF_MEMBER 1536 /* of a member of a body, bytes after which lists and objects in it are cut */
#define KEPT_OF_STRING 1024 /* as in src/message/body-span.ts */
#define LONG_STRING 2048

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL
#define WORD 8

/* Of short tokens a call costs more than the token. */
#define HOT inline __attribute__((always_inline))

/* Places are in UTF-16 units, as JavaScript counts; a member that is not there begins at -1. The same in ffi/outline.ts. */
struct outline {
	int32_t members[6][2]; /* as in member_names: start and end of the value */
	int32_t others; /* members that JSON-RPC does not know */
	int32_t is_line_safe; /* nothing of UNSAFE in src/json-readers.ts is in it */
	int32_t cut_count;
	int32_t _pad;
	int32_t cuts[256][2]; /* start and end: at a quote a long string, at a comma the rest of a list or object */
};

enum { JSONRPC, ID, METHOD, PARAMS, RESULT, ERROR, MEMBERS };

static const char *const member_names[MEMBERS] = { "jsonrpc", "id", "method", "params", "result", "error" };

/* Of a body these are parsed as a whole: what they say is asked for (JsonObject in src/exchange/json.ts), or kept. */
static const char *const whole_names[] = { "_meta", "capabilities", "clientInfo", "ref", "serverInfo", "task" };

#define WHOLE_NAMES (sizeof(whole_names) / sizeof(whole_names[0]))

struct reader {
	const uint8_t *text; /* behind it are NULs: nothing below goes past one */
	int64_t wide; /* bytes that are no UTF-16 unit, up to where it is read */
	const uint8_t *kept_to; /* of the body's member; NULL: nothing of it is cut */
	uint64_t objects; /* a bit for each open container, the innermost one the lowest */
	struct outline *out;
	int depth; /* the message itself is 1, its body 2 */
	int cut_depth; /* of the container whose rest is being cut; 0: none is */
	int32_t cut_from;
	int32_t cut; /* of the body, units */
	int32_t values; /* strings, opening brackets, commas */
	int body; /* PARAMS, RESULT or ERROR, when in it; else 0 */
};

/* All that read take the place where they begin and give the one behind what they read; NULL: it is not to be taken. */

static int32_t unit_at(const struct reader *reader, const uint8_t *at)
{
	return (int32_t)(at - reader->text - reader->wide);
}

/* 0: too many. */
static int add_cut(struct reader *reader, int32_t from, int32_t to)
{
	struct outline *out = reader->out;

	if (out->cut_count == sizeof(out->cuts) / sizeof(out->cuts[0]))
		return 0;
	out->cuts[out->cut_count][0] = from;
	out->cuts[out->cut_count][1] = to;
	out->cut_count++;
	reader->cut += to - from;
	return 1;
}

static HOT const uint8_t *skip_space(struct reader *reader, const uint8_t *at)
{
	for (; *at <= ' '; at++) {
		if (*at == '\n' || *at == '\r' || *at == '\t')
			reader->out->is_line_safe = 0;
		else if (*at != ' ')
			return at;
	}
	return at;
}

static int is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* The value of four hexadecimal digits; -1: they are none. */
static int hex4(const uint8_t *at)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int lower = at[i] | 0x20;

		if (is_digit(at[i]))
			value = value * 16 + at[i] - '0';
		else if (lower >= 'a' && lower <= 'f')
			value = value * 16 + lower - 'a' + 10;
		else
			return -1;
	}
	return value;
}

/* From a backslash. Half of a surrogate pair alone is not taken. */
static const uint8_t *skip_escape(const uint8_t *at)
{
	switch (at[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return at + 2;
	case 'u':
		break;
	default:
		return NULL;
	}
	int unit = hex4(at + 2);

	if (unit < 0)
		return NULL;
	if (unit < 0xd800 || unit > 0xdfff)
		return at + 6;
	if (unit > 0xdbff || at[6] != '\\' || at[7] != 'u')
		return NULL;
	int low = hex4(at + 8);

	return low >= 0xdc00 && low <= 0xdfff ? at + 12 : NULL;
}

static int is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Direction marks, separators of lines and paragraphs. */
static int is_unsafe(uint32_t character)
{
	return character < 0xa0 || character == 0x061c || character == 0x200e || character == 0x200f ||
	       (character >= 0x2028 && character <= 0x202e) || (character >= 0x2066 && character <= 0x2069);
}

/* Characters beyond ASCII, as many as there are in a row (RFC 3629). */
static const uint8_t *skip_wide(struct reader *reader, const uint8_t *at)
{
	while (*at >= 0x80) {
		uint8_t lead = *at;
		uint32_t character;

		if (!is_continuation(at[1]))
			return NULL;
		if (lead < 0xe0) {
			character = (lead & 0x1fU) << 6 | (at[1] & 0x3fU);
			if (lead < 0xc2)
				return NULL;
			at += 2;
			reader->wide += 1;
		} else if (!is_continuation(at[2])) {
			return NULL;
		} else if (lead < 0xf0) {
			character = (lead & 0xfU) << 12 | (at[1] & 0x3fU) << 6 | (at[2] & 0x3fU);
			if (character < 0x800 || (character >= 0xd800 && character <= 0xdfff))
				return NULL;
			at += 3;
			reader->wide += 2;
		} else {
			character = (lead & 7U) << 18 | (at[1] & 0x3fU) << 12 | (at[2] & 0x3fU) << 6 | (at[3] & 0x3fU);
			if (!is_continuation(at[3]) || lead > 0xf4 || character < 0x10000 || character > 0x10ffff)
				return NULL;
			at += 4;
			reader->wide += 2;
		}
		if (is_unsafe(character))
			reader->out->is_line_safe = 0;
	}
	return at;
}

/* The high bit of each byte that is a quote, a backslash, a control character, DEL or beyond ASCII, up to the first one;
 * above it there may be others. */
static inline uint64_t special_bytes(uint64_t word)
{
	uint64_t quote = word ^ ONES * '"', backslash = word ^ ONES * '\\';

	return (((word - ONES * 0x20) & ~word) | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash) |
		(word + ONES) | word) &
	       HIGHS;
}

/* From anywhere in a string, but in no escape. */
static const uint8_t *skip_in_string(struct reader *reader, const uint8_t *at)
{
	for (;;) {
		uint64_t word, special;

		memcpy(&word, at, WORD);
		special = special_bytes(word);
		if (!special) {
			at += WORD;
			continue;
		}
		at += __builtin_ctzll(special) / 8;
		if (*at == '"')
			return at + 1;
		if (*at == '\\') {
			at = skip_escape(at);
		} else if (*at >= 0x80) {
			at = skip_wide(reader, at);
		} else if (*at == 0x7f) {
			reader->out->is_line_safe = 0;
			at++;
		} else {
			return NULL;
		}
		if (!at)
			return NULL;
	}
}

/* From the opening quote. */
static HOT const uint8_t *skip_string(struct reader *reader, const uint8_t *at)
{
	uint64_t word;

	at++;
	memcpy(&word, at, WORD);
	uint64_t special = special_bytes(word);

	if (!special)
		return skip_in_string(reader, at + WORD);
	at += __builtin_ctzll(special) / 8;
	return *at == '"' ? at + 1 : skip_in_string(reader, at);
}

/* NULL: there are none. */
static const uint8_t *skip_digits(const uint8_t *at)
{
	if (!is_digit(*at))
		return NULL;
	while (is_digit(*at))
		at++;
	return at;
}

static const uint8_t *skip_number(const uint8_t *at)
{
	const uint8_t *from = at;

	if (*at == '-')
		at++;
	at = *at == '0' ? at + 1 : skip_digits(at);
	if (at && *at == '.')
		at = skip_digits(at + 1);
	if (at && (*at == 'e' || *at == 'E')) {
		at++;
		if (*at == '+' || *at == '-')
			at++;
		const uint8_t *exponent = at;

		at = skip_digits(at);
		if (at && at - exponent > MAX_EXPONENT)
			return NULL;
	}
	return at && at - from <= MAX_NUMBER ? at : NULL;
}

static const uint8_t *skip_word(const uint8_t *at, const char *word, size_t length)
{
	return memcmp(at, word, length) ? NULL : at + length;
}

/* A string that is a value. */
static HOT const uint8_t *take_string(struct reader *reader, const uint8_t *from)
{
	int64_t wide = reader->wide;
	const uint8_t *at = skip_string(reader, from);

	if (!at || at - from <= LONG_STRING || reader->depth < 3 || !reader->kept_to || reader->cut_depth)
		return at;
	int32_t start = (int32_t)(from - reader->text - wide), end = unit_at(reader, at);

	/* of few units there may be more bytes */
	if (end - start <= LONG_STRING)
		return at;
	reader->kept_to += at - from - KEPT_OF_STRING;
	return add_cut(reader, start, end) ? at : NULL;
}

static HOT const uint8_t *take_scalar(struct reader *reader, const uint8_t *at)
{
	switch (*at) {
	case '"':
		reader->values++;
		return take_string(reader, at);
	case 't':
		return skip_word(at, "true", 4);
	case 'f':
		return skip_word(at, "false", 5);
	case 'n':
		return skip_word(at, "null", 4);
	default:
		return skip_number(at);
	}
}

static int is_escaped(const uint8_t *from, const uint8_t *to)
{
	return memchr(from, '\\', (size_t)(to - from)) != NULL;
}

/* Which one of `count` names stands between `from` and `to`; -1: none. */
static int find_name(const char *const *names, int count, const uint8_t *from, const uint8_t *to)
{
	size_t length = (size_t)(to - from);

	for (int i = 0; i < count; i++) {
		if (strlen(names[i]) == length && !memcmp(names[i], from, length))
			return i;
	}
	return -1;
}

/* Whether a member of a body, whose key stands between `from` and `to`, is parsed as a whole. An escaped key may be any. */
static int is_whole_name(const uint8_t *from, const uint8_t *to)
{
	return is_escaped(from, to) || find_name(whole_names, WHOLE_NAMES, from, to) >= 0;
}

/* From behind a key to the value. */
static HOT const uint8_t *skip_colon(struct reader *reader, const uint8_t *at)
{
	at = skip_space(reader, at);
	return *at == ':' ? skip_space(reader, at + 1) : NULL;
}

/* From behind a bracket or comma, in an object or list, to the next value. */
static HOT const uint8_t *begin_value(struct reader *reader, const uint8_t *at, int is_object)
{
	int is_whole = 0;

	if (is_object) {
		const uint8_t *key = at;

		at = *at == '"' ? skip_string(reader, at) : NULL;
		if (!at)
			return NULL;
		reader->values++;
		if (reader->depth == 2)
			is_whole = is_whole_name(key + 1, at - 1);
		at = skip_colon(reader, at);
	}
	if (at && reader->depth == 2 && reader->body)
		reader->kept_to = is_whole ? NULL : at + KEPT_OF_MEMBER;
	return at;
}

/* At the comma behind a value: the rest of the list or object may be cut. */
static inline void begin_cut(struct reader *reader, const uint8_t *at)
{
	int is_over = reader->kept_to && at > reader->kept_to;

	if (reader->depth < 3 || !is_over || reader->cut_depth)
		return;
	reader->cut_depth = reader->depth;
	reader->cut_from = unit_at(reader, at);
}

/* 0: too deep. */
static int open_container(struct reader *reader, int is_object)
{
	if (reader->depth == MAX_DEPTH)
		return 0;
	reader->objects = reader->objects << 1 | (uint64_t)is_object;
	reader->depth++;
	reader->values++;
	return 1;
}

/* At the bracket that closes it. 0: too many cuts. */
static int close_container(struct reader *reader, const uint8_t *at)
{
	if (reader->cut_depth == reader->depth) {
		reader->cut_depth = 0;
		if (!add_cut(reader, reader->cut_from, unit_at(reader, at)))
			return 0;
	}
	reader->objects >>= 1;
	reader->depth--;
	return 1;
}

/* From behind a value to the next one, through the brackets that close in between; at depth `outside`: to its end. */
static HOT const uint8_t *leave_value(struct reader *reader, const uint8_t *at, int outside)
{
	while (reader->depth > outside) {
		int is_object = (int)(reader->objects & 1);

		at = skip_space(reader, at);
		if (*at == ',') {
			begin_cut(reader, at);
			reader->values++;
			return begin_value(reader, skip_space(reader, at + 1), is_object);
		}
		if (*at != (is_object ? '}' : ']') || !close_container(reader, at))
			return NULL;
		at++;
	}
	return at;
}

/* The value of a member of the message. */
static const uint8_t *skip_value(struct reader *reader, const uint8_t *at)
{
	int outside = reader->depth;

	do {
		uint8_t first = *at;

		if (first != '{' && first != '[') {
			at = take_scalar(reader, at);
		} else if (!open_container(reader, first == '{')) {
			return NULL;
		} else {
			at = skip_space(reader, at + 1);
			/* "}" and "]" stand two behind "{" and "[" in ASCII */
			if (*at != first + 2) {
				at = begin_value(reader, at, first == '{');
				continue;
			}
		}
		if (at)
			at = leave_value(reader, at, outside);
	} while (at && reader->depth > outside);
	return at;
}

/* A member of the message itself. */
static const uint8_t *take_member(struct reader *reader, const uint8_t *at)
{
	struct outline *out = reader->out;
	const uint8_t *key = at;

	at = *at == '"' ? skip_string(reader, at) : NULL;
	if (!at || is_escaped(key, at))
		return NULL;
	int member = find_name(member_names, MEMBERS, key + 1, at - 1);

	at = skip_colon(reader, at);
	if (!at || (member >= 0 && out->members[member][0] >= 0))
		return NULL;
	int32_t start = unit_at(reader, at);

	reader->body = member >= PARAMS ? member : 0;
	reader->kept_to = NULL;
	reader->cut = 0;
	at = skip_value(reader, at);
	if (!at)
		return NULL;
	int32_t end = unit_at(reader, at);

	if (reader->body && end - start - reader->cut > MAX_KEPT)
		return NULL;
	if (member < 0) {
		out->others++;
	} else {
		out->members[member][0] = start;
		out->members[member][1] = end;
	}
	return at;
}

static const uint8_t *take_message(struct reader *reader, const uint8_t *at)
{
	at = skip_space(reader, at);
	if (*at != '{')
		return NULL;
	do {
		at = take_member(reader, skip_space(reader, at + 1));
		if (!at)
			return NULL;
		at = skip_space(reader, at);
	} while (*at == ',');
	return *at == '}' ? skip_space(reader, at + 1) : NULL;
}

/* `text`: UTF-8, with room for WORD + 1 more bytes, which are written. Returns whether it was taken. */
EXPORT int sh_outline(uint8_t *text, uint32_t length, struct outline *out)
{
	struct reader reader = { .text = text, .out = out, .depth = 1 };

	memset(text + length, 0, WORD + 1);
	memset(out->members, -1, sizeof(out->members));
	out->others = 0;
	out->is_line_safe = 1;
	out->cut_count = 0;
	return take_message(&reader, text) == text + length && reader.values <= MAX_VALUES;
}
