// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests and replies as JSON: the border where untrusted bytes are checked. Knows no I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "broker.h"

enum {
	PROTOCOL = 1,	/* its version */
	MAX_LEN = 4096, /* bytes of an object, with the white space in front */
	MAX_DEPTH = 8,	/* of nesting, in keys that we ignore */
};

struct request {
	struct json_tokener *tokener;
	char text[MAX_LEN];
	size_t len;
};

struct request *request_new(void)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->tokener = json_tokener_new_ex(MAX_DEPTH);
	if (!request->tokener) {
		free(request);
		return NULL;
	}
	/* Not JSON_TOKENER_VALIDATE_UTF8: it fails where a packet ends inside a character. */
	json_tokener_set_flags(request->tokener,
			       JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	return request;
}

void request_free(struct request *request)
{
	if (!request)
		return;
	json_tokener_free(request->tokener);
	free(request);
}

/* The length of the number that the text begins with, as RFC 8259 has it, or 0. */
static size_t number_len(const char *text)
{
	static const char digits[] = "0123456789";
	const char *at = text + (*text == '-');
	size_t len = strspn(at, digits);

	if (len == 0 || (len > 1 && *at == '0'))
		return 0;
	at += len;
	if (*at == '.') {
		len = strspn(++at, digits);
		at += len;
	}
	if (len && (*at == 'e' || *at == 'E')) {
		at += strchr("+-", at[1]) ? 2 : 1;
		len = strspn(at, digits);
		at += len;
	}
	return len && !strchr("+-.", *at) ? (size_t)(at - text) : 0;
}

/*
 * The length of the string that the text begins with, or 0 if there is a control character in it.
 * Tells whether there is an escaped NUL.
 */
static size_t string_len(const char *text, bool *has_nul)
{
	const char *at = text + 1;

	*has_nul = false;
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < ' ')
			return 0;
		if (*at == '\\')
			*has_nul |= strncmp(at++, "\\u0000", 6) == 0;
	}
	return (size_t)(at + 1 - text);
}

/*
 * Counts the members of the object that the text is. json-c has taken it, but json-c takes more
 * than RFC 8259 does: NaN, Infinity, control characters in strings, and some numbers, those in
 * parts even where not as a whole. For these it returns -1, and for a name with an escaped NUL,
 * where json-c cuts it off.
 */
static int count_members(const char *text, size_t len)
{
	int depth = 0, members = 0;
	bool has_nul = false;
	size_t token;

	for (size_t i = 0; i < len; i += token) {
		token = 1;
		switch (text[i]) {
		case '"':
			token = string_len(&text[i], &has_nul);
			break;
		case '-':
		case '0' ... '9':
			token = number_len(&text[i]);
			break;
		case 'N':
		case 'I':
			return -1;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			depth--;
			break;
		case ':':
			if (has_nul)
				return -1;
			members += depth == 1;
			break;
		}
		if (!token)
			return -1;
	}
	return members;
}

/* Takes an object apart; *version, if it is there, must be the integer 1. */
static int check(struct json_object *object, uint8_t pubkey[static KEY_LEN])
{
	struct json_object *value;

	if (json_object_object_get_ex(object, "version", &value) &&
	    (!json_object_is_type(value, json_type_int) ||
	     json_object_get_int64(value) != PROTOCOL))
		return -ERR_VERSION;
	if (!json_object_object_get_ex(object, "pubkey", &value) ||
	    !json_object_is_type(value, json_type_string))
		return -ERR_MALFORMED;
	if (key_from_text(pubkey, json_object_get_string(value),
			  (size_t)json_object_get_string_len(value)) < 0 ||
	    key_is_zero(pubkey))
		return -ERR_KEY;
	return 0;
}

int request_feed(struct request *request, const char *data, size_t len,
		 uint8_t pubkey[static KEY_LEN])
{
	const size_t room = MAX_LEN - request->len;
	const size_t taken = len < room ? len : room;
	char *start = request->text + request->len;
	struct json_object *object;
	size_t end;
	int ret;

	memcpy(start, data, taken);
	/* json-c takes a NUL for the end of the text. */
	end = strnlen(start, taken);
	object = json_tokener_parse_ex(request->tokener, start, (int)end);
	if (!object) {
		request->len += end;
		return json_tokener_get_error(request->tokener) == json_tokener_continue &&
				       end == len && request->len < MAX_LEN ?
			       1 :
			       -ERR_MALFORMED;
	}
	request->len += json_tokener_get_parse_end(request->tokener);
	/* json-c keeps the last of two members of one name, and another parser the first. */
	if (!json_object_is_type(object, json_type_object) ||
	    count_members(request->text, request->len) != json_object_object_length(object))
		ret = -ERR_MALFORMED;
	else
		ret = check(object, pubkey);
	json_object_put(object);
	return ret;
}

/* The protocol's words for people; the first is to the letter what nodes in the field look for. */
static const char *const reasons[] = {
	[ERR_FULL] = "Remote peer is not accepting additional connections",
	[ERR_MALFORMED] = "malformed request",
	[ERR_VERSION] = "unsupported protocol version",
	[ERR_KEY] = "invalid public key",
	[ERR_DENIED] = "public key not permitted",
	[ERR_FAILURE] = "temporary failure",
};

size_t reply_format(char line[static REPLY_SIZE], int error, unsigned int port, int64_t time)
{
	const int code = -error > ERR_FAILURE ? ERR_FAILURE : -error;

	if (code == 0)
		return (size_t)snprintf(line, REPLY_SIZE,
					"{\"version\":%d,\"port\":%u,\"time\":%" PRId64 "}\n",
					PROTOCOL, port, time);
	return (size_t)snprintf(line, REPLY_SIZE,
				"{\"version\":%d,\"error\":{\"code\":%d,\"reason\":\"%s\"}}\n",
				PROTOCOL, code, reasons[code]);
}

int meshifs_parse(const char *text, void (*each)(void *argument, const char *name), void *argument)
{
	struct json_object *object = json_tokener_parse(text), *list, *name;
	int ret = -ERR_MALFORMED;

	if (json_object_object_get_ex(object, "mesh_interfaces", &list) &&
	    json_object_is_type(list, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			name = json_object_array_get_idx(list, i);
			if (json_object_is_type(name, json_type_string))
				each(argument, json_object_get_string(name));
		}
		ret = 0;
	}
	json_object_put(object);
	return ret;
}
