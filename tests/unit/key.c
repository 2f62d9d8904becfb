// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys: base64 as RFC 4648 has it and no other, and which files a private key is taken from. */
#include <fcntl.h>
#include <libgen.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

#include "error.h"
#include "key.h"

#define KEY "BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ="

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct text_row {
	const char *name;
	struct bytes text;
	int want, want_altname; /* of key_from_text() and of key_from_altname() */
};

static const struct text_row texts[] = {
	{ "a key", BYTES(KEY), 0, 0 },
	{ "all zero", BYTES("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), 0, 0 },
	{ "all one", BYTES("//////////////////////////////////////////8="), 0, -ERR_KEY },
	{ "all one, for an altname", BYTES("__________________________________________8="),
	  -ERR_KEY, 0 },
	{ "all 62", BYTES("+++++++++++++++++++++++++++++++++++++++++++="), -ERR_KEY, -ERR_KEY },
	{ "62 and canonical", BYTES("++++++++++++++++++++++++++++++++++++++++++8="), 0, -ERR_KEY },
	{ "62 for an altname", BYTES("------------------------------------------8="), -ERR_KEY, 0 },
	{ "a prefix", BYTES("babel-wg-1" KEY), -ERR_KEY, 0 },
	{ "one that is too long", BYTES("babel-wg-12" KEY), -ERR_KEY, -ERR_KEY },
	{ "empty", BYTES(""), -ERR_KEY, -ERR_KEY },
	{ "43 characters", BYTES("BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ"), -ERR_KEY,
	  -ERR_KEY },
	{ "45 characters", BYTES(KEY "="), -ERR_KEY, -ERR_KEY },
	{ "no = at the end", BYTES("BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQA"), -ERR_KEY,
	  -ERR_KEY },
	{ "two = at the end", BYTES("BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIw=="), -ERR_KEY,
	  -ERR_KEY },
	{ "= in front", BYTES("=QYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ="), -ERR_KEY, -ERR_KEY },
	{ "a space", BYTES("BQYHCAkKCwwNDg8QERIT BUWFxgZGhscHR4fICEiIyQ="), -ERR_KEY, -ERR_KEY },
	{ "a line's end", BYTES("BQYHCAkKCwwNDg8QERIT\nBUWFxgZGhscHR4fICEiIyQ="), -ERR_KEY,
	  -ERR_KEY },
	{ "a NUL byte", BYTES("BQYHCAkKCwwNDg8QERIT\0BUWFxgZGhscHR4fICEiIyQ="), -ERR_KEY,
	  -ERR_KEY },
	{ "a byte over 127", BYTES("BQYHCAkKCwwNDg8QERIT\377BUWFxgZGhscHR4fICEiIyQ="), -ERR_KEY,
	  -ERR_KEY },
};

static void test_text(void **state)
{
	const struct text_row *row = *state;
	uint8_t key[KEY_LEN];

	unit_is_int("key_from_text", key_from_text(key, row->text.text, row->text.len), row->want);
	unit_is_int("key_from_altname", key_from_altname(key, row->text.text), row->want_altname);
}

/* Whether a key survives both ways there and back. */
static void check_round_trip(const uint8_t key[static KEY_LEN])
{
	char text[KEY_TEXT_SIZE], altname[KEY_ALTNAME_SIZE];
	uint8_t back[KEY_LEN];

	key_to_text(text, key);
	unit_is_int("length", (long long)strlen(text), KEY_TEXT_LEN);
	unit_is_int("key_from_text", key_from_text(back, text, KEY_TEXT_LEN), 0);
	assert_memory_equal(key, back, KEY_LEN);

	key_to_altname(altname, "babel-wg-1", key);
	unit_is_int("with a prefix", key_from_altname(back, altname), 0);
	assert_memory_equal(key, back, KEY_LEN);
	assert_memory_equal(altname, "babel-wg-1", KEY_PREFIX_LEN);

	key_to_altname(altname, "", key);
	unit_is_int("key_from_altname", key_from_altname(back, altname), 0);
	assert_memory_equal(key, back, KEY_LEN);

	/* The two differ in these characters alone. */
	for (char *c = altname; *c; c++)
		*c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
	unit_is_text("altname", altname, text);
}

static void test_round_trip(void **state)
{
	uint8_t key[KEY_LEN];
	uint32_t random = 1;

	(void)state;
	for (int bit = 0; bit < KEY_LEN * 8; bit++) {
		memset(key, 0, sizeof(key));
		key[bit / 8] = (uint8_t)(1 << bit % 8);
		check_round_trip(key);
		unit_is_int("key_is_zero", key_is_zero(key), false);
	}
	memset(key, 0, sizeof(key));
	unit_is_int("key_is_zero", key_is_zero(key), true);
	/* Bytes whose sum is zero are no zeroes. */
	key[0] = key[1] = 0x80;
	unit_is_int("key_is_zero", key_is_zero(key), false);
	check_round_trip(key);
	/* Always the same keys: xorshift, by Marsaglia. */
	for (int i = 0; i < 20000; i++) {
		for (int byte = 0; byte < KEY_LEN; byte++) {
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			key[byte] = (uint8_t)random;
		}
		check_round_trip(key);
	}
}

/* Of the last character only four bits count; the two others must be zero. */
static void test_last_character(void **state)
{
	char text[KEY_TEXT_SIZE] = KEY, back[KEY_TEXT_SIZE];
	uint8_t key[KEY_LEN];

	(void)state;
	for (int i = 0; i < 64; i++) {
		text[KEY_TEXT_LEN - 2] = alphabet[i];
		unit_is_int(text, key_from_text(key, text, KEY_TEXT_LEN), i & 3 ? -ERR_KEY : 0);
		if (i & 3)
			continue;
		key_to_text(back, key);
		unit_is_text("back", back, text);
	}
}

/* Each byte at each place, whether of the alphabet or not. */
static void test_each_byte(void **state)
{
	uint8_t key[KEY_LEN];

	(void)state;
	for (int at = 0; at < KEY_TEXT_LEN - 2; at++)
		for (int byte = 0; byte < 256; byte++) {
			char text[KEY_TEXT_SIZE] = KEY, what[64];
			const int want = byte && strchr(alphabet, byte) ? 0 : -ERR_KEY;

			text[at] = (char)byte;
			snprintf(what, sizeof(what), "byte %d at %d", byte, at);
			unit_is_int(what, key_from_text(key, text, KEY_TEXT_LEN), want);
		}
}

/* RFC 4648, section 10, stretched to a key's length. */
static void test_known_answer(void **state)
{
	uint8_t key[KEY_LEN];
	char text[KEY_TEXT_SIZE];

	(void)state;
	memcpy(key, "foobarfoobarfoobarfoobarfoobarfo", KEY_LEN);
	key_to_text(text, key);
	unit_is_text("text", text, "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8=");
}

#define NO_KEY "it holds no private key; make one with `wg genkey`"

struct file_row {
	const char *name;
	struct bytes text;
	const char *want; /* the reason, or NULL if it is taken */
};

static const struct file_row contents[] = {
	{ "as wg genkey writes it", BYTES(KEY "\n"), NULL },
	{ "no newline", BYTES(KEY), NULL },
	{ "CR LF", BYTES(KEY "\r\n"), NULL },
	{ "two newlines", BYTES(KEY "\n\n"), NULL },
	{ "empty", BYTES(""), NO_KEY },
	{ "a newline", BYTES("\n"), NO_KEY },
	{ "44 newlines",
	  BYTES("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
		"\n\n\n\n\n\n\n\n\n\n"),
	  NO_KEY },
	{ "all zero", BYTES("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), NO_KEY },
	{ "not canonical", BYTES("BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyR=\n"), NO_KEY },
	{ "half a key", BYTES("BQYHCAkKCwwNDg8QERITF\n"), NO_KEY },
	{ "a space in front", BYTES(" " KEY "\n"), NO_KEY },
	{ "a space behind", BYTES(KEY " \n"), NO_KEY },
	{ "a comment behind", BYTES(KEY " # mine\n"), NO_KEY },
	{ "two keys", BYTES(KEY "\n" KEY "\n"), NO_KEY },
	{ "a letter on the next line", BYTES(KEY "\nx"), NO_KEY },
	{ "a letter some lines on", BYTES(KEY "\n\n\nx\n"), NO_KEY },
	{ "a NUL byte", BYTES(KEY "\0"), NO_KEY },
	{ "wg.conf", BYTES("[Interface]\nPrivateKey = " KEY "\n"), NO_KEY },
	{ "bytes of a key",
	  BYTES("\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34"
		"\35\36\37\40\41\42\43\44"),
	  NO_KEY },
};

/* Reads a key and compares it and the log; want is as in struct file_row. */
static void check_file(const char *path, const char *want)
{
	static const uint8_t zero[KEY_LEN];
	char line[512] = "", text[KEY_TEXT_SIZE];
	const int before = unit_count_fds();
	uint8_t key[KEY_LEN];

	memset(key, 0xaa, sizeof(key));
	unit_is_int("key_read", key_read(key, path), want ? -ERR_CONFIG : 0);
	unit_is_int("open descriptors", unit_count_fds(), before);
	if (want) {
		snprintf(line, sizeof(line), "3 unable to read the private key %s: %s\n", path,
			 want);
		assert_memory_equal(key, zero, KEY_LEN);
	} else {
		key_to_text(text, key);
		unit_is_text("key", text, KEY);
	}
	unit_is_text("log", unit_log(), line);
}

static void test_file(void **state)
{
	const struct file_row *row = *state;

	check_file(unit_file(row->text.text, row->text.len, 0400), row->want);
}

#define TOO_OPEN "others can read or write it; chmod it to 0400"

enum { FOREIGN = 54321 };

struct mode_row {
	const char *name;
	mode_t mode;
	gid_t group;
	const char *want;
};

static const struct mode_row modes[] = {
	{ "0400", 0400, 0, NULL },
	{ "0600", 0600, 0, NULL },
	{ "0700", 0700, 0, NULL },
	{ "0440 of root's group", 0440, 0, NULL },
	{ "0640 of root's group", 0640, 0, NULL },
	{ "0600 of another group", 0600, FOREIGN, NULL },
	{ "0620", 0620, 0, TOO_OPEN },
	{ "0660", 0660, 0, TOO_OPEN },
	{ "0604", 0604, 0, TOO_OPEN },
	{ "0602", 0602, 0, TOO_OPEN },
	{ "0601", 0601, 0, TOO_OPEN },
	{ "0644", 0644, 0, TOO_OPEN },
	{ "0666", 0666, 0, TOO_OPEN },
	{ "0777", 0777, 0, TOO_OPEN },
	{ "0640 of another group", 0640, FOREIGN, TOO_OPEN },
	{ "0440 of another group", 0440, FOREIGN, TOO_OPEN },
};

static void test_mode(void **state)
{
	const struct mode_row *row = *state;
	const char *path = unit_file(KEY "\n", KEY_TEXT_LEN + 1, row->mode);

	/* Only root gives files away; for others the file's group is the process's own. */
	if (geteuid() == 0)
		assert_int_equal(chown(path, 0, row->group), 0);
	else if (row->group == FOREIGN)
		skip();
	check_file(path, row->want);
}

/* The group of the process itself may read the key, and no other member of the groups it is in. */
static void test_own_group(void **state)
{
	const char *path = unit_file(KEY "\n", KEY_TEXT_LEN + 1, 0640);
	const gid_t old = getegid();

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(path, 0, FOREIGN), 0);
	assert_int_equal(setegid(FOREIGN), 0);
	check_file(path, NULL);
	assert_int_equal(chmod(path, 0660), 0);
	check_file(path, TOO_OPEN);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chmod(path, 0640), 0);
	check_file(path, NULL);
	assert_int_equal(setegid(old), 0);
}

#define ANOTHERS "it belongs to another user; chown it to root or to the one that this runs as"

/* A file of this user or of root is good, for root and for another user. */
static void test_owner(void **state)
{
	const char *path = unit_file(KEY "\n", KEY_TEXT_LEN + 1, 0440);

	(void)state;
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(path, FOREIGN, 0), 0);
	check_file(path, ANOTHERS);
	assert_int_equal(chown(path, 0, 0), 0);
	/* The file's group, root's, is still this process's own. */
	assert_int_equal(chmod(dirname(strdupa(path)), 0755), 0);
	assert_int_equal(seteuid(FOREIGN), 0);
	check_file(path, NULL);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chown(path, FOREIGN, 0), 0);
	assert_int_equal(seteuid(FOREIGN), 0);
	check_file(path, NULL);
	assert_int_equal(seteuid(0), 0);
}

static void test_no_file(void **state)
{
	(void)state;
	check_file(unit_path("absent"), "No such file or directory");
	check_file("", "No such file or directory");
}

static void test_special_files(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = unit_path("special");
	int fd;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	check_file(path, "it is not a regular file");
	assert_int_equal(rmdir(path), 0);

	/* One that nobody writes to: it must not wait. */
	assert_int_equal(mkfifo(path, 0600), 0);
	check_file(path, "it is not a regular file");
	assert_int_equal(unlink(path), 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	check_file(path, "No such device or address");
	close(fd);
	assert_int_equal(unlink(path), 0);

	check_file("/dev/zero", "it is not a regular file");
	unit_file(KEY "\n", KEY_TEXT_LEN + 1, 0400);
	assert_int_equal(symlink("file", unit_path("link")), 0);
	check_file(unit_path("link"), NULL);
}

int main(void)
{
	UNIT_TABLE(test_text, texts);
	unit_add("keys survive both ways there and back", test_round_trip, NULL);
	unit_add("the last character's bits", test_last_character, NULL);
	unit_add("each byte at each place", test_each_byte, NULL);
	unit_add("a known answer", test_known_answer, NULL);
	UNIT_TABLE(test_file, contents);
	UNIT_TABLE(test_mode, modes);
	unit_add("the group of the process", test_own_group, NULL);
	unit_add("the owner", test_owner, NULL);
	unit_add("no such file", test_no_file, NULL);
	unit_add("special files", test_special_files, NULL);
	return unit_run();
}
