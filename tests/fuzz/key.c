// SPDX-License-Identifier: GPL-2.0-or-later
/* A key's file and its altname: what is taken is what would be written. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "key.h"

static void try_file(const uint8_t *data, size_t size)
{
	const int fd = memfd_create("key", MFD_CLOEXEC);
	char text[KEY_TEXT_SIZE];
	uint8_t key[KEY_LEN];

	if (write(fd, data, size) != (ssize_t)size || fchmod(fd, 0600) < 0)
		abort();
	if (key_read_open(key, fd, "key") == 0) {
		key_to_text(text, key);
		if (size < KEY_TEXT_LEN || memcmp(text, data, KEY_TEXT_LEN) != 0 ||
		    key_is_zero(key))
			abort();
	}
	close(fd);
}

static void try_altname(const uint8_t *data, size_t size)
{
	char *name = strndup((const char *)data, size), text[KEY_ALTNAME_SIZE];
	char prefix[KEY_ALTNAME_SIZE] = "";
	uint8_t key[KEY_LEN];

	if (!name)
		abort();
	if (key_from_altname(key, name) == 0) {
		memcpy(prefix, name, strlen(name) - KEY_TEXT_LEN);
		key_to_altname(text, prefix, key);
		if (strcmp(text, name) != 0)
			abort();
	}
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_file(data, size);
	try_altname(data, size);
	return 0;
}
