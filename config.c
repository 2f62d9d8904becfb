// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration file: KEY=VALUE with # comments and quotes, as a shell would source it. But it
 * is never executed: what a shell would expand is an error. The environment overrides it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "broker.h"

#ifndef CONFIG_FILE
#define CONFIG_FILE "/etc/wg-broker/config"
#endif

enum kind { NUMBER, PATH, PATH_OR_PORT, PREFIX, WORDS, UNUSED };

/* One setting: its key, where its value goes, the default, and for a number its limits. */
struct setting {
	const char *key;
	enum kind kind;
	size_t offset;
	const char *initial;
	unsigned long min, max;
};

#define AT(member) offsetof(struct config, member)

static const struct setting settings[] = {
	{ "BROKERPORT", NUMBER, AT(broker_port), "40000", 1, 65535 },
	{ "STARTPORT", NUMBER, AT(start_port), "40000", 1, 65535 },
	{ "ENDPORT", NUMBER, AT(end_port), "41000", 1, 65535 },
	{ "MAXCONNECTIONS", NUMBER, AT(max_peers), "150", 1, 65535 },
	/* IPv6 needs 1280 bytes. */
	{ "MTU", NUMBER, AT(mtu), "1374", 1280, 65455 },
	{ "PRIVATEKEY", PATH, AT(private_key), "/etc/wg-broker/secret", 1, PATH_MAX - 1 },
	{ "BABELPORT", PATH_OR_PORT, AT(babel), "33123", 0, 107 },
	{ "BABELOPTIONS", WORDS, AT(babel_options), "", 0, 200 },
	/* The size of a Unix socket's path, see unix(7). */
	{ "L3ROAMDSOCK", PATH, AT(l3roamd), "", 0, 107 },
	{ "MMFDSOCK", PATH, AT(mmfd), "", 0, 107 },
	{ "IFPREFIX", PREFIX, AT(prefix), "wgpeer", 1, IFNAMSIZ - 1 - 5 /* digits */ },
	{ "IFGROUP", NUMBER, AT(group), "40000", 1, UINT_MAX },
	{ "TIMEOUT", NUMBER, AT(timeout), "10", 1, 3600 },
	/* The shell broker's names of interfaces, for the firewall. */
	{ "WG", UNUSED, 0, "", 0, 0 },
	{ "WAN", UNUSED, 0, "", 0, 0 },
};

enum {
	SETTINGS = sizeof(settings) / sizeof(settings[0]),
	MAX_SHOWN = 20, /* characters of an unknown key, in a message */
};

/* Where a value comes from, for messages: a file and its line, or the environment. */
struct source {
	const char *file;
	int line; /* 0 is the environment */
};

__attribute__((format(printf, 2, 3))) static int complain(const struct source *at,
							  const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (at->line)
		log_line(LOG_ERR, "%s:%d: %s", at->file, at->line, text);
	else
		log_line(LOG_ERR, "%s: %s", at->file, text);
	return -ERR_CONFIG;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static bool consists_of(const char *value, const char *characters)
{
	return strspn(value, characters) == strlen(value);
}

/* Takes a decimal number of nothing but digits. */
static int set_number(const struct setting *setting, const char *value, unsigned int *number)
{
	unsigned long long parsed;

	if (!*value || !consists_of(value, DIGITS))
		return -1;
	parsed = strtoull(value, NULL, 10);
	if (parsed < setting->min || parsed > setting->max)
		return -1;
	*number = (unsigned int)parsed;
	return 0;
}

static int set_text(const struct setting *setting, const char *value, char **text)
{
	const size_t len = strlen(value);
	struct setting port = { .min = 1, .max = 65535 };
	unsigned int ignored;

	if (len < setting->min || len > setting->max)
		return -1;
	if (setting->kind == PREFIX && (*value == '-' || !consists_of(value, LETTERS DIGITS "-_")))
		return -1;
	if (setting->kind == WORDS && !consists_of(value, LETTERS DIGITS "-_./ "))
		return -1;
	if (setting->kind == PATH && len && *value != '/')
		return -1;
	if (setting->kind == PATH_OR_PORT && len && *value != '/' &&
	    set_number(&port, value, &ignored) < 0)
		return -1;
	free(*text);
	*text = strdup(value);
	return *text ? 0 : -1;
}

static int set(struct config *config, const struct setting *setting, const char *value,
	       const struct source *at)
{
	void *target = (char *)config + setting->offset;
	const char *wanted = "";

	switch (setting->kind) {
	case UNUSED:
		return 0;
	case NUMBER:
		if (set_number(setting, value, target) == 0)
			return 0;
		return complain(at, "%s must be a number from %lu to %lu", setting->key,
				setting->min, setting->max);
	case PATH:
		wanted = "an absolute path";
		break;
	case PATH_OR_PORT:
		wanted = "a port from 1 to 65535, the absolute path of a socket, or empty,";
		break;
	case PREFIX:
		wanted = "letters, digits, - and _, not - in front,";
		break;
	case WORDS:
		wanted = "words of letters, digits and - _ . /";
		break;
	}
	if (set_text(setting, value, target) == 0)
		return 0;
	return complain(at, "%s must be %s of %lu to %lu characters", setting->key, wanted,
			setting->min, setting->max);
}

static const struct setting *find_setting(const char *key)
{
	for (int i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

static int unknown_key(const struct source *at, const char *key)
{
	char known[256] = "";

	for (int i = 0; i < SETTINGS; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), " %s",
			 settings[i].key);
	/* A private key in the wrong file looks like a long key with nothing behind the =. */
	return complain(at, "unknown key%s%s; known are%s", strlen(key) < MAX_SHOWN ? " " : "",
			strlen(key) < MAX_SHOWN ? key : "", known);
}

/*
 * Takes a value's quotes off, in place. What follows the value may be blanks and a comment.
 * Returns NULL, or what is wrong.
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

static int read_line(struct config *config, char *line, const struct source *at)
{
	const struct setting *setting;
	const char *wrong;
	char *key, *value;

	key = line + strspn(line, " \t");
	if (!*key || *key == '#')
		return 0;
	if (strncmp(key, "export ", 7) == 0)
		key += 7 + strspn(key + 7, " ");
	value = key + strspn(key, LETTERS DIGITS "_");
	if (value == key || *value != '=')
		return complain(at, "a line must be KEY=VALUE, with no blanks around the =");
	*value++ = '\0';
	setting = find_setting(key);
	if (!setting)
		return unknown_key(at, key);
	wrong = unquote(value);
	if (wrong)
		return complain(at, "%s: %s", setting->key, wrong);
	return set(config, setting, value, at);
}

static int read_file(struct config *config, const char *path, bool required)
{
	struct source at = { .file = path };
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int ret = 0;
	FILE *file;

	file = fopen(path, "re");
	if (!file && errno == ENOENT && !required)
		return 0;
	if (!file)
		return complain(&at, "unable to open the configuration: %s", strerror(errno));
	while (errno = 0, (len = getline(&line, &size, file)) >= 0) {
		at.line++;
		if (strlen(line) != (size_t)len) {
			ret = complain(&at, "a NUL byte; this is no text file");
			continue;
		}
		while (len && strchr("\r\n", line[len - 1]))
			line[--len] = '\0';
		if (read_line(config, line, &at) < 0)
			ret = -ERR_CONFIG;
	}
	if (ferror(file)) {
		at.line = 0;
		ret = complain(&at, "unable to read the configuration: %s", strerror(errno));
	}
	free(line);
	fclose(file);
	return ret;
}

static int read_environment(struct config *config)
{
	const struct source at = { .file = "environment" };
	int ret = 0;

	for (int i = 0; i < SETTINGS; i++) {
		const char *value = getenv(settings[i].key);

		if (value && set(config, &settings[i], value, &at) < 0)
			ret = -ERR_CONFIG;
	}
	return ret;
}

int config_read(struct config *config, const char *path)
{
	const struct source defaults = { .file = "defaults" };
	int ret = 0;

	memset(config, 0, sizeof(*config));
	for (int i = 0; i < SETTINGS; i++)
		ret |= set(config, &settings[i], settings[i].initial, &defaults);
	ret |= read_file(config, path ? path : CONFIG_FILE, path != NULL);
	ret |= read_environment(config);
	if (ret)
		return -ERR_CONFIG;

	if (config->end_port < config->start_port) {
		log_line(LOG_ERR, "%s: ENDPORT must not be lower than STARTPORT",
			 path ? path : CONFIG_FILE);
		return -ERR_CONFIG;
	}
	config->slots = config->end_port - config->start_port + 1;
	if (config->slots > config->max_peers)
		config->slots = config->max_peers;
	return 0;
}
