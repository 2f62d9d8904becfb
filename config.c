// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration file: KEY=VALUE with # comments and quotes, as a shell would source it. But it
 * is never executed: what a shell would expand is an error. The environment overrides it.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>

#include "allowed_ips.h"
#include "config.h"
#include "error.h"
#include "log.h"
#include "number.h"
#include "text.h"

enum {
	MAX_PORT = 65535,
	MAX_SOCKET_PATH = 107, /* see unix(7) */
	MAX_PREFIX = IFNAMSIZ - 1 - 5 /* digits of a slot */,
	MAX_SHOWN = 20, /* characters of an unknown key, in a message */
};

enum kind { PATH, PATH_OR_PORT, PREFIX, WORDS, NUMBER, ALLOWED_IPS, YES_NO, UNUSED };

/* One setting: its key, where its value goes, the default, and its limits. */
struct setting {
	const char *key;
	enum kind kind;
	size_t offset;
	const char *initial;
	unsigned int min, max; /* of a number, or of a text's length */
};

#define AT(member) offsetof(struct config, member)

static const struct setting settings[] = {
	{ "BROKERPORT", NUMBER, AT(broker_port), "40000", 1, MAX_PORT },
	{ "STARTPORT", NUMBER, AT(start_port), "40000", 1, MAX_PORT },
	{ "ENDPORT", NUMBER, AT(end_port), "41000", 1, MAX_PORT },
	{ "MAXCONNECTIONS", NUMBER, AT(max_peers), "150", 0, 65535 },
	/* IPv6 needs 1280 bytes. */
	{ "MTU", NUMBER, AT(mtu), "1374", 1280, 65455 },
	{ "ALLOWEDIPS", ALLOWED_IPS, 0, "::/0", 0, 0 },
	{ "PRIVATEKEY", PATH, AT(private_key), "/etc/wg-broker/secret", 1, PATH_MAX - 1 },
	{ "ALLOWKEYS", PATH, AT(allow_keys), "", 0, PATH_MAX - 1 },
	{ "DENYKEYS", PATH, AT(deny_keys), "", 0, PATH_MAX - 1 },
	{ "CHECK", PATH, AT(check), "", 0, PATH_MAX - 1 },
	{ "MAXPENDING", NUMBER, AT(max_pending), "8", 0, 1000 },
	{ "BABELPORT", PATH_OR_PORT, AT(babel), "33123", 0, MAX_SOCKET_PATH },
	{ "BABELOPTIONS", WORDS, AT(babel_options), "", 0, 200 },
	{ "L3ROAMDSOCK", PATH, AT(l3roamd), "", 0, MAX_SOCKET_PATH },
	{ "MMFDSOCK", PATH, AT(mmfd), "", 0, MAX_SOCKET_PATH },
	{ "IFPREFIX", PREFIX, AT(prefix), "babel-wg-", 1, MAX_PREFIX },
	{ "IFGROUP", NUMBER, AT(group), "40000", 1, UINT_MAX },
	{ "TIMEOUT", NUMBER, AT(timeout), "10", 1, 3600 },
	{ "LOGADDRESS", YES_NO, AT(log_address), "yes", 0, 0 },
	/* The shell broker had interfaces' names for its firewall rules in these. */
	{ "WG", UNUSED, 0, "", 0, 0 },
	{ "WAN", UNUSED, 0, "", 0, 0 },
};

enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* Where a value comes from, for messages. */
struct source {
	const char *name; /* of a file, or "environment" */
	int line;	  /* 0 where there are no lines */
};

__attribute__((format(printf, 2, 3))) static int complain(const struct source *source,
							  const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (source->line)
		log_line(LOG_ERR, "%s:%d: %s", source->name, source->line, text);
	else
		log_line(LOG_ERR, "%s: %s", source->name, text);
	return -ERR_CONFIG;
}

static bool consists_of(const char *value, const char *characters)
{
	return strspn(value, characters) == strlen(value);
}

/* An empty path turns a daemon off. */
static bool is_path(const char *value)
{
	return *value == '/' || !*value;
}

static bool is_path_or_port(const char *value)
{
	unsigned int port = 0;

	(void)number_parse(value, 1, MAX_PORT, &port);
	return port || is_path(value);
}

static bool is_prefix(const char *value)
{
	const size_t len = strlen(value);

	/* A final digit could be taken for a slot's, by a broker with a shorter prefix. */
	return *value != '-' && len && !strchr(TEXT_DIGITS, value[len - 1]) &&
	       consists_of(value, TEXT_ALPHANUMERIC "-_");
}

static bool is_words(const char *value)
{
	return consists_of(value, TEXT_ALPHANUMERIC "-_./ ");
}

/* The kinds of text: which values they take, and how a message names them. */
static const struct text_kind {
	bool (*takes)(const char *value);
	const char *words;
} text_kinds[] = {
	[PATH] = { is_path, "an absolute path" },
	[PATH_OR_PORT] = { is_path_or_port,
			   "a port from 1 to 65535, the absolute path of a socket, or empty" },
	[PREFIX] = { is_prefix,
		     "letters, digits, - and _, with neither a leading - nor a final digit" },
	[WORDS] = { is_words, "words of letters, digits and - _ . /" },
};

#ifndef __clang__
/* gcc's analyzer does not see that the copy stays in the struct config, where set() computes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static int set_text(const struct setting *setting, const char *value, char **text,
		    const struct source *source)
{
	const struct text_kind *kind = &text_kinds[setting->kind];
	const size_t len = strlen(value);
	char *copy;

	if (len < setting->min || len > setting->max || !kind->takes(value))
		return complain(source, "%s must be %s (%u to %u characters)", setting->key,
				kind->words, setting->min, setting->max);
	copy = strdup(value);
	if (!copy)
		return complain(source, "%s: out of memory", setting->key);
	free(*text);
	*text = copy;
	return 0;
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

static int set_number(const struct setting *setting, const char *value, unsigned int *number,
		      const struct source *source)
{
	const int ret = number_parse(value, setting->min, setting->max, number);

	if (ret == 0)
		return 0;
	return complain(source, "%s must be a number from %u to %u", setting->key, setting->min,
			setting->max);
}

static int set_allowed_ips(const struct setting *setting, const char *value, struct config *config,
			   const struct source *source)
{
	const int ret = allowed_ips_parse(value, &config->ipv4, &config->ipv6);

	if (ret == 0)
		return 0;
	return complain(source, "%s must be " ALLOWED_IPS_WORDS, setting->key);
}

static int set_yes_no(const struct setting *setting, const char *value, bool *yes,
		      const struct source *source)
{
	const bool is_yes = strcmp(value, "yes") == 0;

	if (!is_yes && strcmp(value, "no") != 0)
		return complain(source, "%s must be yes or no", setting->key);
	*yes = is_yes;
	return 0;
}

static int set(struct config *config, const struct setting *setting, const char *value,
	       const struct source *source)
{
	void *target = (char *)config + setting->offset;

	switch (setting->kind) {
	case UNUSED:
		return 0;
	case ALLOWED_IPS:
		return set_allowed_ips(setting, value, config, source);
	case YES_NO:
		return set_yes_no(setting, value, target, source);
	case NUMBER:
		return set_number(setting, value, target, source);
	default:
		return set_text(setting, value, target, source);
	}
}

static const struct setting *find_setting(const char *key)
{
	for (int i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

static int reject_key(const struct source *source, const char *key)
{
	/* A private key pasted into this file looks like a long key without a value. */
	const bool is_shown = strlen(key) < MAX_SHOWN;
	char known[512] = "";
	size_t len = 0;

	for (int i = 0; i < SETTINGS; i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, " %s", settings[i].key);
	return complain(source, "unknown key%s%s; known are%s", is_shown ? " " : "",
			is_shown ? key : "", known);
}

/*
 * Removes a value's quotes, in place, and what may follow the value: blanks and a comment. Returns
 * NULL, or what is wrong.
 */
static const char *unquote(char *value)
{
	char *out = value, quote = '\0';
	const char *in = value;

	for (; *in && (quote || !strchr(" \t", *in)); in++) {
		if (strchr("$`\\", *in) && quote != '\'')
			return "$, ` and \\ are not expanded; write the value itself, or quote it with '";
		if (!quote && strchr("'\"", *in))
			quote = *in;
		else if (*in == quote)
			quote = '\0';
		else if (!quote && strchr(";&|<>()", *in))
			return "; & | < > ( ) must stand in quotes";
		else
			*out++ = *in;
	}
	if (quote)
		return "the quote does not end";
	in += strspn(in, " \t");
	if (*in && *in != '#')
		return "only a # comment may follow the value; quote a value with blanks";
	*out = '\0';
	return NULL;
}

/* Takes a line of the file, with or without its end. */
static int read_line(struct config *config, char *line, size_t len, const struct source *source)
{
	const struct setting *setting;
	const char *wrong;
	char *key, *value;

	if (strlen(line) != len)
		return complain(source, "a NUL byte; this is not a text file");
	while (len && strchr("\r\n", line[len - 1]))
		line[--len] = '\0';
	key = line + strspn(line, " \t");
	if (!*key || *key == '#')
		return 0;
	if (strncmp(key, "export ", 7) == 0)
		key += 7 + strspn(key + 7, " ");
	value = key + strspn(key, TEXT_ALPHANUMERIC "_");
	if (value == key || *value != '=')
		return complain(source, "a line must be KEY=VALUE, with no blanks around the =");
	*value++ = '\0';
	setting = find_setting(key);
	if (!setting)
		return reject_key(source, key);
	wrong = unquote(value);
	if (wrong)
		return complain(source, "%s: %s", setting->key, wrong);
	return set(config, setting, value, source);
}

static int read_file(struct config *config, const char *path, bool is_required)
{
	struct source source = { .name = path };
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int ret = 0, error;
	FILE *file;

	file = fopen(path, "re");
	if (!file && errno == ENOENT && !is_required)
		return 0;
	if (!file)
		return complain(&source, "unable to open the configuration: %s", strerror(errno));
	for (;;) {
		len = getline(&line, &size, file);
		if (len < 0)
			break;
		source.line++;
		ret |= read_line(config, line, (size_t)len, &source);
	}
	error = errno;
	/* Not ferror(3): glibc does not set it where there is no memory for a long line. */
	if (!feof(file)) {
		source.line = 0;
		ret = complain(&source, "unable to read the configuration: %s", strerror(error));
	}
	free(line);
	fclose(file);
	return ret;
}

static int read_environment(struct config *config)
{
	const struct source source = { .name = "environment" };
	const char *value;
	int ret = 0;

	for (int i = 0; i < SETTINGS; i++) {
		value = getenv(settings[i].key);
		if (value)
			ret |= set(config, &settings[i], value, &source);
	}
	return ret;
}

static int compute_slots(struct config *config, const struct source *source)
{
	if (config->end_port < config->start_port)
		return complain(source, "ENDPORT must not be lower than STARTPORT");
	config->slots = config->end_port - config->start_port + 1;
	if (config->slots > config->max_peers)
		config->slots = config->max_peers;
	return 0;
}

int config_read(struct config *config, const char *path)
{
	const struct source defaults = { .name = "defaults" };
	const struct source file = { .name = path ? path : CONFIG_FILE };
	int ret = 0;

	memset(config, 0, sizeof(*config));
	for (int i = 0; i < SETTINGS; i++)
		ret |= set(config, &settings[i], settings[i].initial, &defaults);
	ret |= read_file(config, file.name, path != NULL);
	ret |= read_environment(config);
	return ret ? ret : compute_slots(config, &file);
}
