// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration: what a file comes to, and what is said of each mistake. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "config.h"
#include "error.h"

/* What the C library's functions are to fail with, or 0, and how often they succeed before. */
static int fopen_error, strdup_error;
static unsigned int strdups_left;

FILE *fopen(const char *path, const char *mode)
{
	int fd;

	unit_is_text("mode", mode, "re");
	errno = fopen_error;
	fd = fopen_error ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopen(fd, "r");
}

char *strdup(const char *text)
{
	const size_t size = strlen(text) + 1;
	const bool fails = strdup_error && strdups_left-- == 0;
	char *copy = fails ? NULL : malloc(size);

	if (fails)
		errno = strdup_error;
	return copy ? memcpy(copy, text, size) : NULL;
}

static const char defaults[] = "broker=40000 start=40000 end=41000 max=150 mtu=1374 timeout=10 "
			       "group=40000 slots=150 key=/etc/wg-broker/secret babel=33123 "
			       "options= l3roamd= mmfd= prefix=babel-wg- allow= deny= "
			       "ipv4=0 ipv6=1 address=1";

/* A file, the environment, and how what was read differs from the defaults, as text. */
struct row {
	const char *name;
	struct bytes file;
	const char *want;
	const char *environment[4]; /* pairs of name and value */
};

/* As operators of the shell broker have it. */
static const char shell_file[] = "# The ports that nodes ask at, and that their tunnels end at\n"
				 "BROKERPORT=40000\n"
				 "STARTPORT=40000 # both ends are\n"
				 "ENDPORT=41000\t# included\n"
				 "\n"
				 "BABELPORT=33123\n"
				 "MTU=1374 # don't go over $1400; it's \"too much\"\n"
				 "WG=wg\n"
				 "WAN='eth0'\n"
				 "MAXCONNECTIONS=\"150\"\n"
				 "  # the gateway's own\n"
				 "PRIVATEKEY=/etc/wg-broker/secret\n"
				 "L3ROAMDSOCK=\"/var/run/l3roamd.sock\"\n"
				 "#MMFDSOCK=/nowhere\n"
				 "MMFDSOCK=/var/run/mmfd.sock\n";

static const struct row taken[] = {
	{ "an empty file", BYTES(""), "", { NULL } },
	{ "the shell broker's file",
	  { shell_file, sizeof(shell_file) - 1 },
	  " l3roamd=/var/run/l3roamd.sock mmfd=/var/run/mmfd.sock",
	  { NULL } },
	{ "no newline at the end", BYTES("MTU=1400"), " mtu=1400", { NULL } },
	{ "no newline after a comment", BYTES("MTU=1400\n# a"), " mtu=1400", { NULL } },
	{ "CR LF",
	  BYTES("MTU=1400\r\n\r\nMAXCONNECTIONS=7\r\n"),
	  " max=7 mtu=1400 slots=7",
	  { NULL } },
	{ "blanks around", BYTES(" \tMTU=1400 \t \n"), " mtu=1400", { NULL } },
	{ "export", BYTES("export  MTU=1400\n"), " mtu=1400", { NULL } },
	{ "double quotes", BYTES("MTU=\"1400\"\n"), " mtu=1400", { NULL } },
	{ "single quotes", BYTES("MTU='1400' # a\n"), " mtu=1400", { NULL } },
	{ "quotes in pieces", BYTES("MTU=1'4'\"0\"0\n"), " mtu=1400", { NULL } },
	{ "a blank in quotes", BYTES("PRIVATEKEY=\"/a b\"\n"), " key=/a b", { NULL } },
	{ "# in quotes", BYTES("PRIVATEKEY='/a#b # c'#d\n"), " key=/a#b # c#d", { NULL } },
	{ "# without a blank", BYTES("PRIVATEKEY=/a#b #c\n"), " key=/a#b", { NULL } },
	{ "$ in single quotes",
	  BYTES("PRIVATEKEY='/$HOME/`a`\\'\n"),
	  " key=/$HOME/`a`\\",
	  { NULL } },
	{ "; in quotes", BYTES("PRIVATEKEY=\"/a;b\"\n"), " key=/a;b", { NULL } },
	{ "one quote in the other", BYTES("PRIVATEKEY=\"/it's\"\n"), " key=/it's", { NULL } },
	{ "the last of two counts", BYTES("MTU=1400\nMTU=1300\n"), " mtu=1300", { NULL } },
	{ "empty ones",
	  BYTES("L3ROAMDSOCK=\nMMFDSOCK= # none\nBABELPORT=''\nWG=\n"),
	  " babel=",
	  { NULL } },
	{ "a socket of babeld",
	  BYTES("BABELPORT=/run/babeld.sock\n"),
	  " babel=/run/babeld.sock",
	  { NULL } },
	{ "options for babeld",
	  BYTES("BABELOPTIONS='type tunnel rxcost 96'\n"),
	  " options=type tunnel rxcost 96",
	  { NULL } },
	{ "the least",
	  BYTES("MTU=1280\nTIMEOUT=1\nIFGROUP=1\nSTARTPORT=1\nENDPORT=1\n"),
	  " start=1 end=1 mtu=1280 timeout=1 group=1 slots=1",
	  { NULL } },
	{ "the most",
	  BYTES("MTU=65455\nTIMEOUT=3600\nIFGROUP=4294967295\nSTARTPORT=1\nENDPORT=65535\n"
		"MAXCONNECTIONS=65535\nIFPREFIX=Az09-_wgpr\n"),
	  " start=1 end=65535 max=65535 mtu=65455 timeout=3600 group=4294967295 slots=65535 "
	  "prefix=Az09-_wgpr",
	  { NULL } },
	{ "IPv4 in the tunnels", BYTES("ALLOWEDIPS=0.0.0.0/0\n"), " ipv4=1 ipv6=0", { NULL } },
	{ "IPv6", BYTES("ALLOWEDIPS=0.0.0.0/0\nALLOWEDIPS=::/0\n"), "", { NULL } },
	{ "both", BYTES("ALLOWEDIPS=\"0.0.0.0/0 ::/0\"\n"), " ipv4=1", { NULL } },
	{ "both, as wg has them", BYTES("ALLOWEDIPS=0.0.0.0/0,::/0\n"), " ipv4=1", { NULL } },
	{ "the other way round", BYTES("ALLOWEDIPS='::/0  0.0.0.0/0 '\n"), " ipv4=1", { NULL } },
	{ "no addresses in the log", BYTES("LOGADDRESS=no\n"), " address=0", { NULL } },
	{ "and again", BYTES("LOGADDRESS=no\nLOGADDRESS=yes\n"), "", { NULL } },
	{ "zeroes in front", BYTES("MTU=00000000000000000000001400\n"), " mtu=1400", { NULL } },
	{ "fewer ports than peers", BYTES("ENDPORT=40009\n"), " end=40009 slots=10", { NULL } },
	{ "fewer peers than ports", BYTES("MAXCONNECTIONS=9\n"), " max=9 slots=9", { NULL } },
	{ "no peers", BYTES("MAXCONNECTIONS=0\n"), " max=0 slots=0", { NULL } },
	{ "the environment counts", BYTES("MTU=1400\n"), " mtu=1300", { "MTU", "1300" } },
	{ "the environment alone",
	  BYTES(""),
	  " mtu=1300 mmfd=/a",
	  { "MTU", "1300", "MMFDSOCK", "/a" } },
	{ "the environment as it is", BYTES(""), " key=/a # 'b'", { "PRIVATEKEY", "/a # 'b'" } },
	{ "lists", BYTES("ALLOWKEYS=/a\nDENYKEYS=/b/c\n"), " allow=/a deny=/b/c", { NULL } },
	{ "other variables", BYTES(""), "", { "HOME", "/root", "mtu", "1" } },
};

static void as_text(char *text, size_t size, const struct config *config)
{
	snprintf(text, size,
		 "broker=%u start=%u end=%u max=%u mtu=%u timeout=%u group=%u slots=%u key=%s "
		 "babel=%s options=%s l3roamd=%s mmfd=%s prefix=%s allow=%s deny=%s "
		 "ipv4=%d ipv6=%d address=%d",
		 config->broker_port, config->start_port, config->end_port, config->max_peers,
		 config->mtu, config->timeout, config->group, config->slots, config->private_key,
		 config->babel, config->babel_options, config->l3roamd, config->mmfd,
		 config->prefix, config->allow_keys, config->deny_keys, config->ipv4, config->ipv6,
		 config->log_address);
}

static void release(struct config *config)
{
	free(config->private_key);
	free(config->babel);
	free(config->babel_options);
	free(config->l3roamd);
	free(config->mmfd);
	free(config->prefix);
	free(config->allow_keys);
	free(config->deny_keys);
	free(config->check);
}

/* Length of the field "name=value" at the start: a value may have blanks, a name has none. */
static size_t field_len(const char *field)
{
	const char *equals = strchr(field, '='), *next;

	if (!equals)
		return strlen(field);
	next = strchr(equals + 1, '=');
	if (!next)
		return strlen(field);
	while (*next != ' ')
		next--;
	return (size_t)(next - field);
}

/* What is in a text of fields and not in the defaults, each with a blank in front. */
static void differences(char *out, const char *text)
{
	const char *standard = defaults;

	*out = '\0';
	while (*text && *standard) {
		const size_t len = field_len(text), standard_len = field_len(standard);

		if (len != standard_len || strncmp(text, standard, len) != 0)
			out += sprintf(out, " %.*s", (int)len, text);
		text += len + (text[len] == ' ');
		standard += standard_len + (standard[standard_len] == ' ');
	}
}

/* Reads a row's file, with its environment. The path is valid until the next file. */
static const char *read_row(struct config *config, const struct row *row, int want)
{
	const char *path = unit_file(row->file.text, row->file.len, 0600);
	const int before = unit_count_fds();

	for (int i = 0; i < 4 && row->environment[i]; i += 2)
		setenv(row->environment[i], row->environment[i + 1], 1);
	unit_is_int("config_read", config_read(config, path), want);
	unit_is_int("open descriptors", unit_count_fds(), before);
	for (int i = 0; i < 4 && row->environment[i]; i += 2)
		unsetenv(row->environment[i]);
	return path;
}

static void test_taken(void **state)
{
	const struct row *row = *state;
	char text[1024], got[1024];
	struct config config;

	read_row(&config, row, 0);
	as_text(text, sizeof(text), &config);
	release(&config);
	differences(got, text);
	unit_is_text("what is not the default", got, row->want);
	unit_is_text("log", unit_log(), "");
}

#define UNEXPANDED "$, ` and \\ are not expanded; write the value itself, or quote it with '"
#define OPERATORS "; & | < > ( ) must stand in quotes"
#define SYNTAX "a line must be KEY=VALUE, with no blanks around the ="
#define FOLLOWS "only a # comment may follow the value; quote a value with blanks"
#define KNOWN                                                                                      \
	"; known are BROKERPORT STARTPORT ENDPORT MAXCONNECTIONS MTU ALLOWEDIPS PRIVATEKEY "       \
	"ALLOWKEYS DENYKEYS CHECK MAXPENDING BABELPORT BABELOPTIONS L3ROAMDSOCK MMFDSOCK IFPREFIX IFGROUP TIMEOUT LOGADDRESS WG WAN"
#define BABEL                                                                                      \
	"BABELPORT must be a port from 1 to 65535, the absolute path of a socket, or empty (0 to " \
	"107 characters)"
#define PREFIX                                                                                     \
	"IFPREFIX must be letters, digits, - and _, with neither a leading - nor a final digit (1 to 10 characters)"
#define ADDRESSES "ALLOWEDIPS must be 0.0.0.0/0, ::/0, or both with a blank or a comma between"
#define WORDS "BABELOPTIONS must be words of letters, digits and - _ . / (0 to 200 characters)"

/* In what is wanted, each line begins after the file's name. */
static const struct row mistaken[] = {
	{ "not a number",
	  BYTES("MTU=big\n"),
	  ":1: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "an end that is no digit",
	  BYTES("MTU=1400x\n"),
	  ":1: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "no number", BYTES("MTU=\n"), ":1: MTU must be a number from 1280 to 65455\n", { NULL } },
	{ "a sign",
	  BYTES("\n\nMTU=+1400\n"),
	  ":3: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "a quoted blank",
	  BYTES("MTU=' 1400'\n"),
	  ":1: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "hexadecimal",
	  BYTES("MTU=0x578\n"),
	  ":1: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "too low",
	  BYTES("MTU=1279\n"),
	  ":1: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "too high",
	  BYTES("MTU=65456\n"),
	  ":1: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "2^32",
	  BYTES("IFGROUP=4294967296\n"),
	  ":1: IFGROUP must be a number from 1 to 4294967295\n",
	  { NULL } },
	{ "2^64 + 1400",
	  BYTES("MTU=18446744073709553016\n"),
	  ":1: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "BROKERPORT",
	  BYTES("BROKERPORT=0\n"),
	  ":1: BROKERPORT must be a number from 1 to 65535\n",
	  { NULL } },
	{ "STARTPORT",
	  BYTES("STARTPORT=65536\n"),
	  ":1: STARTPORT must be a number from 1 to 65535\n",
	  { NULL } },
	{ "ENDPORT",
	  BYTES("ENDPORT=65536\n"),
	  ":1: ENDPORT must be a number from 1 to 65535\n",
	  { NULL } },
	{ "MAXCONNECTIONS",
	  BYTES("MAXCONNECTIONS=65536\n"),
	  ":1: MAXCONNECTIONS must be a number from 0 to 65535\n",
	  { NULL } },
	{ "IFGROUP",
	  BYTES("IFGROUP=0\n"),
	  ":1: IFGROUP must be a number from 1 to 4294967295\n",
	  { NULL } },
	{ "TIMEOUT",
	  BYTES("TIMEOUT=3601\n"),
	  ":1: TIMEOUT must be a number from 1 to 3600\n",
	  { NULL } },
	{ "PRIVATEKEY relative",
	  BYTES("PRIVATEKEY=secret\n"),
	  ":1: PRIVATEKEY must be an absolute path (1 to 4095 characters)\n",
	  { NULL } },
	{ "PRIVATEKEY empty",
	  BYTES("PRIVATEKEY=\n"),
	  ":1: PRIVATEKEY must be an absolute path (1 to 4095 characters)\n",
	  { NULL } },
	{ "L3ROAMDSOCK",
	  BYTES("L3ROAMDSOCK=a\n"),
	  ":1: L3ROAMDSOCK must be an absolute path (0 to 107 characters)\n",
	  { NULL } },
	{ "ALLOWKEYS",
	  BYTES("ALLOWKEYS=keys\n"),
	  ":1: ALLOWKEYS must be an absolute path (0 to 4095 characters)\n",
	  { NULL } },
	{ "DENYKEYS",
	  BYTES("DENYKEYS=./keys\n"),
	  ":1: DENYKEYS must be an absolute path (0 to 4095 characters)\n",
	  { NULL } },
	{ "MMFDSOCK",
	  BYTES("MMFDSOCK=~/a\n"),
	  ":1: MMFDSOCK must be an absolute path (0 to 107 characters)\n",
	  { NULL } },
	{ "BABELPORT 0", BYTES("BABELPORT=0\n"), ":1: " BABEL "\n", { NULL } },
	{ "BABELPORT 65536", BYTES("BABELPORT=65536\n"), ":1: " BABEL "\n", { NULL } },
	{ "BABELPORT with a host", BYTES("BABELPORT=::1\n"), ":1: " BABEL "\n", { NULL } },
	{ "BABELOPTIONS", BYTES("BABELOPTIONS='a\tb'\n"), ":1: " WORDS "\n", { NULL } },
	{ "BABELOPTIONS with ;", BYTES("BABELOPTIONS='a;b'\n"), ":1: " WORDS "\n", { NULL } },
	{ "IFPREFIX with a dot", BYTES("IFPREFIX=wg.\n"), ":1: " PREFIX "\n", { NULL } },
	{ "IFPREFIX empty", BYTES("IFPREFIX=\n"), ":1: " PREFIX "\n", { NULL } },
	{ "IFPREFIX too long", BYTES("IFPREFIX=babel-wg-ab\n"), ":1: " PREFIX "\n", { NULL } },
	{ "IFPREFIX with a slash", BYTES("IFPREFIX=wg/\n"), ":1: " PREFIX "\n", { NULL } },
	{ "IFPREFIX with - in front", BYTES("IFPREFIX=-wg\n"), ":1: " PREFIX "\n", { NULL } },
	{ "IFPREFIX with a digit behind", BYTES("IFPREFIX=wg1\n"), ":1: " PREFIX "\n", { NULL } },
	{ "IFPREFIX with %", BYTES("IFPREFIX=wg%d\n"), ":1: " PREFIX "\n", { NULL } },
	{ "ports the wrong way round",
	  BYTES("STARTPORT=41001\n"),
	  ": ENDPORT must not be lower than STARTPORT\n",
	  { NULL } },

	{ "an unknown key",
	  BYTES("MTU=1400\nMUT=1400\n"),
	  ":2: unknown key MUT" KNOWN "\n",
	  { NULL } },
	{ "lower case", BYTES("mtu=1400\n"), ":1: unknown key mtu" KNOWN "\n", { NULL } },
	{ "a private key",
	  BYTES("BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ=\n"),
	  ":1: unknown key" KNOWN "\n",
	  { NULL } },
	{ "no addresses", BYTES("ALLOWEDIPS=\n"), ":1: " ADDRESSES "\n", { NULL } },
	{ "some of IPv4", BYTES("ALLOWEDIPS=10.0.0.0/8\n"), ":1: " ADDRESSES "\n", { NULL } },
	{ "some of IPv6", BYTES("ALLOWEDIPS='0.0.0.0/0 ::/1'\n"), ":1: " ADDRESSES "\n", { NULL } },
	{ "all and more", BYTES("ALLOWEDIPS='::/0 x'\n"), ":1: " ADDRESSES "\n", { NULL } },
	{ "a longer word", BYTES("ALLOWEDIPS=::/00\n"), ":1: " ADDRESSES "\n", { NULL } },
	{ "a longer one of IPv4",
	  BYTES("ALLOWEDIPS=0.0.0.0/00\n"),
	  ":1: " ADDRESSES "\n",
	  { NULL } },
	{ "a blank first", BYTES("ALLOWEDIPS=' ::/0'\n"), ":1: " ADDRESSES "\n", { NULL } },
	{ "maybe", BYTES("LOGADDRESS=maybe\n"), ":1: LOGADDRESS must be yes or no\n", { NULL } },
	{ "YES", BYTES("LOGADDRESS=YES\n"), ":1: LOGADDRESS must be yes or no\n", { NULL } },
	{ "blanks before =", BYTES("MTU =1400\n"), ":1: " SYNTAX "\n", { NULL } },
	{ "blanks behind =", BYTES("MTU= 1400\n"), ":1: MTU: " FOLLOWS "\n", { NULL } },
	{ "no =", BYTES("MTU\n"), ":1: " SYNTAX "\n", { NULL } },
	{ "a command", BYTES("rm -rf /\n"), ":1: " SYNTAX "\n", { NULL } },
	{ "a section", BYTES("[broker]\n"), ":1: " SYNTAX "\n", { NULL } },
	{ "a byte order mark", BYTES("\357\273\277MTU=1400\n"), ":1: " SYNTAX "\n", { NULL } },
	{ "export and nothing", BYTES("export MTU\n"), ":1: " SYNTAX "\n", { NULL } },
	{ "two in a line", BYTES("MTU=1400 WG=wg\n"), ":1: MTU: " FOLLOWS "\n", { NULL } },
	{ "; and one more", BYTES("MTU=1400; WG=wg\n"), ":1: MTU: " OPERATORS "\n", { NULL } },
	{ "( of a command", BYTES("WG=(a)\n"), ":1: WG: " OPERATORS "\n", { NULL } },
	{ ") alone", BYTES("WG=a)\n"), ":1: WG: " OPERATORS "\n", { NULL } },
	{ "& in the background", BYTES("MTU=1400&\n"), ":1: MTU: " OPERATORS "\n", { NULL } },
	{ "a variable", BYTES("MMFDSOCK=$HOME/a\n"), ":1: MMFDSOCK: " UNEXPANDED "\n", { NULL } },
	{ "a variable in quotes",
	  BYTES("MMFDSOCK=\"$HOME/a\"\n"),
	  ":1: MMFDSOCK: " UNEXPANDED "\n",
	  { NULL } },
	{ "a command in quotes", BYTES("MTU=`id`\n"), ":1: MTU: " UNEXPANDED "\n", { NULL } },
	{ "a line that goes on",
	  BYTES("MMFDSOCK=/a\\\n"),
	  ":1: MMFDSOCK: " UNEXPANDED "\n",
	  { NULL } },
	{ "a quote without end",
	  BYTES("WAN='eth0\nMTU=1400\n"),
	  ":1: WAN: the quote does not end\n",
	  { NULL } },
	{ "one quote ends not the other",
	  BYTES("WAN=\"eth0'\n"),
	  ":1: WAN: the quote does not end\n",
	  { NULL } },
	{ "a NUL byte",
	  BYTES("MTU=1400\0x\n"),
	  ":1: a NUL byte; this is not a text file\n",
	  { NULL } },
	{ "a NUL byte in a comment",
	  BYTES("#\0\nMTU=1400\n"),
	  ":1: a NUL byte; this is not a text file\n",
	  { NULL } },
	{ "CR alone",
	  BYTES("MTU=1400\rWG=a\r"),
	  ":1: MTU must be a number from 1280 to 65455\n",
	  { NULL } },
	{ "three of them",
	  BYTES("MTU=1\nA=1\n\nTIMEOUT=0"),
	  ":1: MTU must be a number from 1280 to 65455\n"
	  ":2: unknown key A" KNOWN "\n"
	  ":4: TIMEOUT must be a number from 1 to 3600\n",
	  { NULL } },
	{ "in the environment",
	  BYTES(""),
	  "environment: MTU must be a number from 1280 to 65455\n",
	  { "MTU", "" } },
	{ "in the environment, followed by one that is none",
	  BYTES(""),
	  "environment: MTU must be a number from 1280 to 65455\n",
	  { "MTU", "1", "TIMEOUT", "5" } },
	{ "no key", BYTES("=1400\n"), ":1: " SYNTAX "\n", { NULL } },
};

static void test_mistaken(void **state)
{
	const struct row *row = *state;
	const char *path, *at = row->want;
	char want[2048] = "";
	struct config config;

	path = read_row(&config, row, -ERR_CONFIG);
	release(&config);
	while (*at) {
		const size_t len = strcspn(at, "\n") + 1, old = strlen(want);

		snprintf(want + old, sizeof(want) - old, "3 %s%.*s", *at == ':' ? path : "",
			 (int)len, at);
		at += len;
	}
	unit_is_text("log", unit_log(), want);
}

static void test_long_lines(void **state)
{
	static const char *const starts[] = { "PRIVATEKEY=/", "MTU=1", "A", "", "PRIVATEKEY='" };
	const size_t len = 1 << 20;
	char *text = malloc(len);
	struct config config;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		memset(text, 'x', len);
		memcpy(text, starts[i], strlen(starts[i]));
		text[len - 1] = '\n';
		unit_is_int(starts[i], config_read(&config, unit_file(text, len, 0600)),
			    -ERR_CONFIG);
		release(&config);
		if (strlen(unit_log()) > 512)
			unit_is_text("log", "too long", "");
	}
	snprintf(text, len, "%*s", (int)len - 1, "WG=wg");
	unit_is_int("spaces", config_read(&config, unit_file(text, len - 1, 0600)), 0);
	release(&config);
	memset(text, '#', len);
	unit_is_int("a comment", config_read(&config, unit_file(text, len, 0600)), 0);
	release(&config);
	unit_is_text("log", unit_log(), "");
	free(text);
}

/* Reads a file that cannot be used; its name is to be in the log, with the reason. */
static void check_unusable(const char *path, const char *reason)
{
	struct config config;
	char want[512];

	unit_is_int("config_read", config_read(&config, path), -ERR_CONFIG);
	release(&config);
	snprintf(want, sizeof(want), "3 %s%s\n", path ? path : CONFIG_FILE, reason);
	unit_is_text("log", unit_log(), want);
}

static void test_unreadable(void **state)
{
	char path[256];

	(void)state;
	check_unusable(unit_path("absent"),
		       ": unable to open the configuration: No such file or directory");
	snprintf(path, sizeof(path), "%s", unit_path("folder"));
	assert_int_equal(mkdir(path, 0700), 0);
	check_unusable(path, ": unable to read the configuration: Is a directory");
	fopen_error = EACCES;
	check_unusable(path, ": unable to open the configuration: Permission denied");
	/* The standard file may be missing, but if it is there, it must count. */
	check_unusable(NULL, ": unable to open the configuration: Permission denied");
	fopen_error = 0;
}

/* After the nine defaults that are texts, there is no memory for the tenth. */
static void test_no_memory(void **state)
{
	static const char text[] = "MTU=1400\nMMFDSOCK=/a\n";

	(void)state;
	strdup_error = ENOMEM;
	strdups_left = 9;
	check_unusable(unit_file(text, strlen(text), 0600), ":2: MMFDSOCK: out of memory");
	strdup_error = 0;
}

/* With no path, the standard file may be missing. */
static void test_standard_file(void **state)
{
	char text[1024];
	struct config config;

	(void)state;
	fopen_error = ENOENT;
	unit_is_int("config_read", config_read(&config, NULL), 0);
	fopen_error = 0;
	as_text(text, sizeof(text), &config);
	release(&config);
	unit_is_text("all", text, defaults);
}

int main(void)
{
	UNIT_TABLE(test_taken, taken);
	UNIT_TABLE(test_mistaken, mistaken);
	unit_add("lines of 1 MiB", test_long_lines, NULL);
	unit_add("files that cannot be read", test_unreadable, NULL);
	unit_add("no memory", test_no_memory, NULL);
	unit_add("no file at all", test_standard_file, NULL);
	return unit_run();
}
