// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests and replies as JSON: the border where untrusted bytes are checked. Knows no I/O. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <json-c/json_visit.h>

#include "broker.h"

enum {
	PROTOCOL = 1,	/* its version */
	MAX_LEN = 4096, /* bytes of an object, with the white space in front */
	MAX_DEPTH = 8,	/* of nesting, in keys that we ignore */
};

/* The highest time that we believe, in 2106: the kernel's clocks go further, calendars may not. */
#define MAX_TIME ((int64_t)UINT32_MAX)

struct request {
	struct json_tokener *tokener;
	bool deep; /* no object within may have two members of one name, either */
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
 * Counts the members of the object that the text is, or also of those within. json-c has taken
 * it, but json-c takes more than RFC 8259 does: NaN, Infinity, names in single quotes, control
 * characters in strings, and some numbers, those in parts even where not as a whole. For these it
 * returns -1, and for a name with an escaped NUL, where json-c cuts it off.
 */
static int count_written(const char *text, size_t len, bool deep)
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
		case '\'':
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
			members += deep || depth == 1;
			break;
		}
		if (!token)
			return -1;
	}
	return members;
}

static int on_value(struct json_object *value, int flags, struct json_object *parent,
		    const char *name, size_t *index, void *members)
{
	(void)value;
	(void)parent;
	(void)index;
	if (name && !(flags & JSON_C_VISIT_SECOND))
		++*(int *)members;
	return JSON_C_VISIT_RETURN_CONTINUE;
}

/* Counts those that json-c has kept. */
static int count_kept(struct json_object *object, bool deep)
{
	int members = 0;

	if (!deep)
		return json_object_object_length(object);
	/* It fails only where on_value() does. */
	(void)json_c_visit(object, 0, on_value, &members);
	return members;
}

/* Whether a version, if there is one, is the integer 1. */
static bool is_our_version(struct json_object *object)
{
	struct json_object *value;

	return !json_object_object_get_ex(object, "version", &value) ||
	       (json_object_is_type(value, json_type_int) &&
		json_object_get_int64(value) == PROTOCOL);
}

/* Takes a request apart. */
static int check_request(struct json_object *object, uint8_t pubkey[static KEY_LEN])
{
	struct json_object *value;

	if (!is_our_version(object))
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

/*
 * Takes the next bytes, up to the end of an object. Returns 1 if it is not complete yet,
 * -ERR_MALFORMED, or 0 with the object, which the caller puts, and its end in request->len.
 */
static int feed(struct request *request, const char *data, size_t len, struct json_object **object)
{
	const size_t room = MAX_LEN - request->len;
	const size_t taken = len < room ? len : room;
	char *start = request->text + request->len;
	size_t end;

	memcpy(start, data, taken);
	/* json-c takes a NUL for the end of the text. */
	end = strnlen(start, taken);
	*object = json_tokener_parse_ex(request->tokener, start, (int)end);
	if (!*object) {
		request->len += end;
		return json_tokener_get_error(request->tokener) == json_tokener_continue &&
				       end == len && request->len < MAX_LEN ?
			       1 :
			       -ERR_MALFORMED;
	}
	request->len += json_tokener_get_parse_end(request->tokener);
	/* json-c keeps the last of two members of one name, and another parser the first. */
	if (json_object_is_type(*object, json_type_object) &&
	    count_written(request->text, request->len, request->deep) ==
		    count_kept(*object, request->deep))
		return 0;
	json_object_put(*object);
	return -ERR_MALFORMED;
}

int request_feed(struct request *request, const char *data, size_t len,
		 uint8_t pubkey[static KEY_LEN])
{
	struct json_object *object;
	int ret;

	ret = feed(request, data, len, &object);
	if (ret != 0)
		return ret;
	ret = check_request(object, pubkey);
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

const char *reply_reason(int code)
{
	return code > 0 && code <= ERR_FAILURE ? reasons[code] : "for a reason of its own";
}

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

/* Reads an integer member of an object. Returns whether it is there and within the limits. */
static bool get_integer(struct json_object *object, const char *name, int64_t max, int64_t *integer)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_int))
		return false;
	*integer = json_object_get_int64(value);
	return *integer >= 1 && *integer <= max;
}

/* Takes a reply apart. Returns what is wrong with it, or NULL. */
static const char *check_reply(struct json_object *object, struct reply *reply)
{
	struct json_object *error, *reason;
	int64_t port, code;

	if (json_object_object_get_ex(object, "error", &error)) {
		if (json_object_object_get_ex(object, "port", NULL))
			return "both a port and an error";
		if (!get_integer(error, "code", INT_MAX, &code))
			return "an error without a code";
		if (json_object_object_get_ex(error, "reason", &reason) &&
		    !json_object_is_type(reason, json_type_string))
			return "a reason that is no text";
		reply->code = (int)code;
		return NULL;
	}
	if (!get_integer(object, "port", UINT16_MAX, &port))
		return "no port from 1 to 65535";
	if (!get_integer(object, "time", MAX_TIME, &reply->time))
		return "no time";
	reply->port = (unsigned int)port;
	return NULL;
}

int reply_parse(struct reply *reply, const char *text, size_t len)
{
	struct request *request = request_new();
	struct json_object *object;
	int ret = -ERR_MALFORMED;

	memset(reply, 0, sizeof(*reply));
	reply->wrong = "not one JSON object";
	if (!request) {
		reply->wrong = "out of memory";
		return -ERR_FAILURE;
	}
	request->deep = true;
	if (feed(request, text, len, &object) == 0) {
		while (request->len < len && strchr(" \t\r\n", text[request->len]) &&
		       text[request->len])
			request->len++;
		if (request->len < len) {
			reply->wrong = "something behind the object";
		} else if (!is_our_version(object)) {
			reply->wrong = "unsupported protocol version";
			ret = -ERR_VERSION;
		} else {
			reply->wrong = check_reply(object, reply);
			ret = reply->wrong ? -ERR_MALFORMED : 0;
		}
		json_object_put(object);
	}
	request_free(request);
	return ret;
}
