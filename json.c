// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests and replies as JSON: the border where untrusted bytes are checked. Does no I/O. */
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "json.h"
#include "text.h"

enum {
	PROTOCOL = 1,	/* its version */
	MAX_LEN = 4096, /* bytes of an object and the white space before it */
	MAX_DEPTH = 8,	/* of nesting, in members that we ignore */
};

/* The highest time that we believe, in 2106: kernels can go further, calendars may not. */
#define MAX_TIME ((int64_t)UINT32_MAX)

struct request {
	struct json_tokener *tokener;
	bool deep; /* also rejects two members of one name in an object within the object */
	char text[MAX_LEN];
	size_t len;
};

struct request *request_new(void)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	/*
	 * json-c's own hash wants a random seed, for which it makes a system call at first use: one
	 * that the parser's process may not make. As few members as fit in here need no seed.
	 */
	json_global_set_string_hash(JSON_C_STR_HASH_PERLLIKE);
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

/* The length of the number at the start of a text, or 0 if RFC 8259 does not have such numbers. */
static size_t number_len(const char *text)
{
	const char *at = text + (*text == '-');
	size_t digits = strspn(at, TEXT_DIGITS);

	if (digits == 0 || (digits > 1 && *at == '0'))
		return 0;
	at += digits;
	if (*at == '.') {
		at++;
		digits = strspn(at, TEXT_DIGITS);
		at += digits;
	}
	if (digits && (*at == 'e' || *at == 'E')) {
		at++;
		at += *at == '+' || *at == '-';
		digits = strspn(at, TEXT_DIGITS);
		at += digits;
	}
	return digits && !strchr("+-.", *at) ? (size_t)(at - text) : 0;
}

/*
 * The length of the string at the start of a text, or 0 if it has a control character in it. Tells
 * whether it has an escaped NUL.
 */
static size_t string_len(const char *text, bool *has_nul)
{
	const char *at = text + 1;

	*has_nul = false;
	for (; *at != '"'; at++) {
		if (*at < ' ')
			return 0;
		if (*at != '\\')
			continue;
		*has_nul |= strncmp(at, "\\u0000", 6) == 0;
		at++;
	}
	return (size_t)(at + 1 - text);
}

/* The length of the token at the start of a text, or 0 if RFC 8259 does not have such tokens. */
static size_t token_len(const char *text, bool *has_nul)
{
	switch (*text) {
	case '"':
		return string_len(text, has_nul);
	case '-':
	case '0' ... '9':
		return number_len(text);
	case 'N':
	case 'I':
	case '\'':
		return 0;
	default:
		return 1;
	}
}

/*
 * Counts the members of the object in a text, or also of the objects within. json-c has accepted
 * it, but accepts more than RFC 8259: NaN, Infinity, names in single quotes, control characters in
 * strings, and some numbers in parts that it would reject as a whole. For these this returns -1,
 * and for a name with an escaped NUL, where json-c cuts it off.
 */
static int count_written(const char *text, size_t len, bool deep)
{
	int depth = 0, members = 0;
	bool has_nul = false;
	size_t token;

	for (size_t i = 0; i < len; i += token) {
		token = token_len(&text[i], &has_nul);
		if (!token || (text[i] == ':' && has_nul))
			return -1;
		if (text[i] == '{' || text[i] == '[')
			depth++;
		else if (text[i] == '}' || text[i] == ']')
			depth--;
		else if (text[i] == ':')
			members += deep || depth == 1;
	}
	return members;
}

/* Counts the members of all objects in a value. No deeper than MAX_DEPTH: json-c sees to that. */
static int count_all(struct json_object *value)
{
	struct json_object_iterator at, end;
	int members = 0;

	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			members += count_all(json_object_array_get_idx(value, i));
	if (json_object_is_type(value, json_type_object)) {
		at = json_object_iter_begin(value);
		end = json_object_iter_end(value);
		for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
			members += 1 + count_all(json_object_iter_peek_value(&at));
	}
	return members;
}

/* Whether a version, if there is one, is the integer 1. */
static bool is_our_version(struct json_object *object)
{
	struct json_object *value;
	const bool is_there = json_object_object_get_ex(object, "version", &value);

	return !is_there || (json_object_is_type(value, json_type_int) &&
			     json_object_get_int64(value) == PROTOCOL);
}

/* Takes the public key from a request. Without one, it may ask how full the gateway is. */
static int check_request(struct json_object *object, uint8_t pubkey[static KEY_LEN])
{
	struct json_object *value;
	int ret;

	if (!is_our_version(object))
		return -ERR_VERSION;
	if (!json_object_object_get_ex(object, "pubkey", &value)) {
		value = json_object_object_get(object, "usage");
		return json_object_is_type(value, json_type_boolean) &&
				       json_object_get_boolean(value) ?
			       REQUEST_USAGE :
			       -ERR_MALFORMED;
	}
	if (!json_object_is_type(value, json_type_string))
		return -ERR_MALFORMED;
	ret = key_from_text(pubkey, json_object_get_string(value),
			    (size_t)json_object_get_string_len(value));
	return ret == 0 && key_is_zero(pubkey) ? -ERR_KEY : ret;
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
	enum json_tokener_error error;
	size_t end;
	bool is_open;
	int kept;

	memcpy(start, data, taken);
	/* json-c takes a NUL for the end of the text. */
	end = strnlen(start, taken);
	/*
	 * And 0.18 takes bytes beyond ASCII for control characters. Nothing that we know has any,
	 * so these may be others.
	 */
	for (size_t i = 0; i < end; i++)
		if (start[i] & 0x80)
			start[i] = '?';
	*object = json_tokener_parse_ex(request->tokener, start, (int)end);
	if (!*object) {
		request->len += end;
		error = json_tokener_get_error(request->tokener);
		is_open = error == json_tokener_continue && end == len && request->len < MAX_LEN;
		return is_open ? 1 : -ERR_MALFORMED;
	}
	request->len += json_tokener_get_parse_end(request->tokener);
	/* json-c keeps the last of two members of one name, and another parser the first. */
	if (json_object_is_type(*object, json_type_object)) {
		kept = request->deep ? count_all(*object) : json_object_object_length(*object);
		if (count_written(request->text, request->len, request->deep) == kept)
			return 0;
	}
	json_object_put(*object);
	*object = NULL;
	return -ERR_MALFORMED;
}

int request_feed(struct request *request, const char *data, size_t len,
		 uint8_t pubkey[static KEY_LEN])
{
	struct json_object *object;
	int ret;

	ret = feed(request, data, len, &object);
	if (ret == 0)
		ret = check_request(object, pubkey);
	json_object_put(object);
	return ret;
}

/* What nodes are told of an error. */
struct wire_error {
	int error;
	enum wire_code code;
	const char *reason;
};

/* The last one stands for all errors that are not here. */
static const struct wire_error wire_errors[] = {
	/* To the letter what nodes in the field look for. */
	{ ERR_FULL, WIRE_FULL, "Remote peer is not accepting additional connections" },
	{ ERR_QUOTA, WIRE_FULL, "Remote peer is not accepting additional connections" },
	{ ERR_MALFORMED, WIRE_MALFORMED, "malformed request" },
	{ ERR_VERSION, WIRE_VERSION, "unsupported protocol version" },
	{ ERR_KEY, WIRE_KEY, "invalid public key" },
	{ ERR_DENIED, WIRE_DENIED, "public key not permitted" },
	{ ERR_FAILURE, WIRE_FAILURE, "temporary failure" },
};

enum { WIRE_ERRORS = sizeof(wire_errors) / sizeof(wire_errors[0]) };

_Static_assert((int)WIRE_ERRORS == (int)WIRE_CODES,
	       "each code has its error, and WIRE_FULL has two");

static const struct wire_error *find_error(int error)
{
	int i = 0;

	while (i < WIRE_ERRORS - 1 && wire_errors[i].error != -error)
		i++;
	return &wire_errors[i];
}

enum wire_code reply_code(int error)
{
	return error == 0 ? WIRE_ACCEPTED : find_error(error)->code;
}

const char *reply_reason(int code)
{
	for (int i = 0; i < WIRE_ERRORS; i++)
		if ((int)wire_errors[i].code == code)
			return wire_errors[i].reason;
	return "for a reason of its own";
}

size_t reply_format(char line[static REPLY_SIZE], int error, unsigned int port, int64_t time)
{
	const struct wire_error *wire;

	if (error == 0)
		return (size_t)snprintf(line, REPLY_SIZE,
					"{\"version\":%d,\"port\":%u,\"time\":%" PRId64 "}\n",
					PROTOCOL, port, time);
	wire = find_error(error);
	return (size_t)snprintf(line, REPLY_SIZE,
				"{\"version\":%d,\"error\":{\"code\":%d,\"reason\":\"%s\"}}\n",
				PROTOCOL, (int)wire->code, wire->reason);
}

size_t reply_format_usage(char line[static REPLY_SIZE], unsigned int percent)
{
	return (size_t)snprintf(line, REPLY_SIZE, "{\"version\":%d,\"usage\":%u.%02u}\n", PROTOCOL,
				percent / 100, percent % 100);
}

int meshifs_parse(const char *text, void (*each)(void *argument, const char *name), void *argument)
{
	struct json_object *object = json_tokener_parse(text), *list, *name;
	int ret = -ERR_MALFORMED;

	list = json_object_object_get(object, "mesh_interfaces");
	if (json_object_is_type(list, json_type_array)) {
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

/* Reads an integer member of an object. Returns it, or 0 if it is not there or not in 1 to max. */
static int64_t get_integer(struct json_object *object, const char *name, int64_t max)
{
	struct json_object *value = json_object_object_get(object, name);
	int64_t integer = 0;

	if (json_object_is_type(value, json_type_int))
		integer = json_object_get_int64(value);
	return integer >= 1 && integer <= max ? integer : 0;
}

enum reply_fault {
	FAULT_NONE,
	FAULT_MEMORY,
	FAULT_JSON,
	FAULT_MORE,
	FAULT_VERSION,
	FAULT_PORT,
	FAULT_TIME,
	FAULT_CODE,
	FAULT_REASON,
	FAULT_BOTH,
	FAULT_USAGE,
};

const char *reply_fault(unsigned int fault)
{
	static const char *const words[] = {
		[FAULT_NONE] = "nothing",
		[FAULT_MEMORY] = "out of memory",
		[FAULT_JSON] = "not one JSON object",
		[FAULT_MORE] = "something behind the object",
		[FAULT_VERSION] = "unsupported protocol version",
		[FAULT_PORT] = "no port from 1 to 65535",
		[FAULT_TIME] = "no time",
		[FAULT_CODE] = "an error without a code",
		[FAULT_REASON] = "a reason that is not text",
		[FAULT_BOTH] = "both a port and an error",
		[FAULT_USAGE] = "no usage from 0 to 1",
	};

	return fault < sizeof(words) / sizeof(words[0]) ? words[fault] : "not a reply";
}

/* Takes an accepting reply apart. */
static enum reply_fault check_accepted(struct json_object *object, struct reply *reply)
{
	reply->port = (unsigned int)get_integer(object, "port", UINT16_MAX);
	if (!reply->port)
		return FAULT_PORT;
	reply->time = get_integer(object, "time", MAX_TIME);
	return reply->time ? FAULT_NONE : FAULT_TIME;
}

/* Takes the error of a reply apart. */
static enum reply_fault check_error(struct json_object *error, struct reply *reply)
{
	struct json_object *reason;
	bool has_reason;

	reply->code = (int)get_integer(error, "code", INT_MAX);
	if (!reply->code)
		return FAULT_CODE;
	has_reason = json_object_object_get_ex(error, "reason", &reason);
	if (has_reason && !json_object_is_type(reason, json_type_string))
		return FAULT_REASON;
	return FAULT_NONE;
}

static enum reply_fault check_reply(struct json_object *object, struct reply *reply)
{
	struct json_object *error;
	const bool has_error = json_object_object_get_ex(object, "error", &error);

	if (!has_error)
		return check_accepted(object, reply);
	if (json_object_object_get_ex(object, "port", NULL))
		return FAULT_BOTH;
	return check_error(error, reply);
}

/* Takes the reply of a gateway apart that was asked how full it is. */
static enum reply_fault check_usage(struct json_object *object, struct reply *reply)
{
	struct json_object *value = json_object_object_get(object, "usage");
	double usage = -1;

	if (json_object_is_type(value, json_type_double) ||
	    json_object_is_type(value, json_type_int))
		usage = json_object_get_double(value);
	if (usage < 0 || usage > 1 || json_object_object_get_ex(object, "error", NULL))
		return FAULT_USAGE;
	reply->usage = (unsigned int)(usage * 100 + 0.5);
	return FAULT_NONE;
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!text[i] || !strchr(" \t\r\n", text[i]))
			return false;
	return true;
}

/* Takes a reply's object apart. */
typedef enum reply_fault check_object(struct json_object *object, struct reply *reply);

/* Checks all that is to be a reply, and fills it in. */
static enum reply_fault take_reply(struct request *request, check_object *check,
				   struct reply *reply, const char *text, size_t len)
{
	enum reply_fault fault = FAULT_JSON;
	struct json_object *object;
	int ret;

	request->deep = true;
	ret = feed(request, text, len, &object);
	if (ret == 0) {
		if (!is_blank(text + request->len, len - request->len))
			fault = FAULT_MORE;
		else if (!is_our_version(object))
			fault = FAULT_VERSION;
		else
			fault = check(object, reply);
	}
	json_object_put(object);
	return fault;
}

static void parse(check_object *check, struct reply *reply, const char *text, size_t len)
{
	struct request *request = request_new();
	enum reply_fault fault = FAULT_MEMORY;

	*reply = (struct reply){ 0 };
	if (request)
		fault = take_reply(request, check, reply, text, len);
	request_free(request);
	if (fault != FAULT_NONE)
		*reply = (struct reply){ .fault = fault };
}

void reply_parse(struct reply *reply, const char *text, size_t len)
{
	parse(check_reply, reply, text, len);
}

void reply_parse_usage(struct reply *reply, const char *text, size_t len)
{
	parse(check_usage, reply, text, len);
}
