// SPDX-License-Identifier: GPL-2.0-or-later
/* Stands in for wgif.c in the units. See fake-wgif.h. */
#include <arpa/inet.h>
#include <sys/mman.h>

#include "error.h"
#include "fake-wgif.h"
#include "log.h"
#include "unit.h"

enum { MAX_CALLS = 512, CALL_SIZE = 96, VERB_SIZE = 16 };

/* Some call of a verb that is yet to come. */
struct event {
	char verb[VERB_SIZE];
	int left; /* which one: 1 is the next; 0 for none */
};

struct wgif_kernel {
	struct fake_interface interfaces[FAKE_INTERFACES];
	unsigned int last_index, held_port;
	char calls[MAX_CALLS][CALL_SIZE];
	int calls_count;
	struct event failing, hooked;
	int error;
	void (*hook)(void);
};

static struct wgif_kernel *fake;

struct wgif_kernel *fake_reset(void)
{
	if (!fake)
		fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	if (fake == MAP_FAILED)
		abort();
	memset(fake, 0, sizeof(*fake));
	return fake;
}

static struct fake_interface *find_index(unsigned int index)
{
	for (int i = 0; i < FAKE_INTERFACES; i++)
		if (index && fake->interfaces[i].link.index == index)
			return &fake->interfaces[i];
	return NULL;
}

static char *find_altname(struct fake_interface *interface, const char *altname)
{
	for (int i = 0; i < FAKE_ALTNAMES; i++)
		if (strcmp(interface->altnames[i], altname) == 0)
			return interface->altnames[i];
	return NULL;
}

struct fake_interface *fake_find(const char *name)
{
	for (int i = 0; i < FAKE_INTERFACES; i++) {
		struct fake_interface *interface = &fake->interfaces[i];

		if (interface->link.index &&
		    (strcmp(interface->link.name, name) == 0 || find_altname(interface, name)))
			return interface;
	}
	return NULL;
}

struct fake_interface *fake_add(const char *name)
{
	for (int i = 0; i < FAKE_INTERFACES; i++) {
		struct fake_interface *interface = &fake->interfaces[i];

		if (interface->link.index)
			continue;
		memset(interface, 0, sizeof(*interface));
		interface->link.index = ++fake->last_index;
		interface->link.wireguard = true;
		interface->link.mtu = 1420;
		snprintf(interface->link.name, sizeof(interface->link.name), "%s", name);
		return interface;
	}
	abort();
}

void fake_add_altname(struct fake_interface *interface, const char *altname)
{
	char *place = find_altname(interface, "");

	if (!place)
		abort();
	snprintf(place, WGIF_ALTNAME_SIZE, "%s", altname);
}

static struct in6_addr *find_address(const struct fake_interface *interface,
				     const struct in6_addr *address)
{
	for (int i = 0; i < FAKE_ADDRESSES; i++)
		if (IN6_ARE_ADDR_EQUAL(&interface->addresses[i], address))
			return (struct in6_addr *)&interface->addresses[i];
	return NULL;
}

bool fake_has_address(const struct fake_interface *interface, const struct in6_addr *address)
{
	return find_address(interface, address);
}

void fake_fail(const char *verb, int nth, int error)
{
	fake->failing.left = nth;
	snprintf(fake->failing.verb, sizeof(fake->failing.verb), "%s", verb);
	fake->error = error;
}

void fake_before(const char *verb, int nth, void (*hook)(void))
{
	fake->hooked.left = nth;
	snprintf(fake->hooked.verb, sizeof(fake->hooked.verb), "%s", verb);
	fake->hook = hook;
}

void fake_hold_port(unsigned int port)
{
	fake->held_port = port;
}

void fake_key(uint8_t key[static KEY_LEN], uint8_t byte)
{
	memset(key, byte, KEY_LEN);
}

void fake_public_key(uint8_t public_key[static KEY_LEN], const uint8_t private_key[static KEY_LEN])
{
	for (int i = 0; i < KEY_LEN; i++)
		public_key[i] = private_key[i] ^ 0xff;
}

const char *fake_calls(void)
{
	static char text[MAX_CALLS * CALL_SIZE];
	int len = 0;

	text[0] = '\0';
	for (int i = 0; i < fake->calls_count; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%s", i ? ", " : "",
				fake->calls[i]);
	fake->calls_count = 0;
	return text;
}

static bool comes(struct event *event, const char *verb)
{
	return event->left && strcmp(event->verb, verb) == 0 && --event->left == 0;
}

__attribute__((format(printf, 1, 0))) static char *record(const char *format, va_list arguments)
{
	const int number = __atomic_fetch_add(&fake->calls_count, 1, __ATOMIC_SEQ_CST);

	if (number >= MAX_CALLS)
		abort();
	vsnprintf(fake->calls[number], CALL_SIZE, format, arguments);
	return fake->calls[number];
}

void fake_record(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	record(format, arguments);
	va_end(arguments);
}

/*
 * What comes first in each verb: the first word of the format. Returns 0, or what the call has to
 * return at once.
 */
static int __attribute__((format(printf, 1, 2))) begin(const char *format, ...)
{
	va_list arguments;
	const char *call;
	char verb[VERB_SIZE];

	va_start(arguments, format);
	call = record(format, arguments);
	va_end(arguments);
	snprintf(verb, sizeof(verb), "%.*s", (int)strcspn(call, " "), call);
	if (comes(&fake->hooked, verb))
		fake->hook();
	if (!comes(&fake->failing, verb))
		return 0;
	if (fake->error == -ERR_FAILURE)
		log_line(LOG_ERR, "unable to %s", call);
	return fake->error;
}

/* The same for a verb that changes an interface, or does not find it. */
static int begin_change(const char *verb, const struct wgif_link *link,
			struct fake_interface **interface, const char *words)
{
	const int ret = begin("%s %s%s%s", verb, link->name, *words ? " " : "", words);

	*interface = find_index(link->index);
	if (ret < 0 || *interface)
		return ret;
	log_line(LOG_ERR, "unable to %s %s: No such device", verb, link->name);
	return -ERR_FAILURE;
}

/* A name for the calls: short where it is a key. */
static const char *shorten(const char *name)
{
	static char text[8];
	uint8_t key[KEY_LEN];

	if (key_from_altname(key, name) < 0)
		return name;
	snprintf(text, sizeof(text), "key%u", key[0]);
	return text;
}

/* The link as the kernel would tell it. */
static struct wgif_link link_of(const struct fake_interface *interface)
{
	struct wgif_link link = interface->link;
	int more = 0;

	for (int i = 0; i < FAKE_ALTNAMES; i++) {
		const char *altname = interface->altnames[i];

		if (!link.has_key && key_from_altname(link.key, altname) == 0)
			link.has_key = true;
		else if (*altname && strlen(altname) < WGIF_MORE_SIZE)
			strcpy(link.more_names[more++], altname);
	}
	return link;
}

struct wgif_kernel *wgif_open(void)
{
	return begin("open") < 0 ? NULL : fake;
}

void wgif_close(struct wgif_kernel *kernel)
{
	(void)kernel;
	begin("close");
}

int wgif_find(struct wgif_kernel *kernel, const char *name, struct wgif_link *link)
{
	const int ret = begin("find %s", shorten(name));
	const struct fake_interface *interface = fake_find(name);

	(void)kernel;
	if (ret < 0)
		return ret;
	if (!interface)
		return -ERR_ABSENT;
	*link = link_of(interface);
	return 0;
}

/* Tells of every interface twice, as the kernel may do; also where it fails in the end. */
int wgif_foreach(struct wgif_kernel *kernel,
		 void (*each)(void *argument, const struct wgif_link *link), void *argument)
{
	const int ret = begin("list");

	for (int i = 0; i < 2 * FAKE_INTERFACES; i++) {
		const struct wgif_link link = link_of(&kernel->interfaces[i % FAKE_INTERFACES]);

		if (link.index && link.wireguard)
			each(argument, &link);
	}
	return ret;
}

int wgif_get_device(struct wgif_kernel *kernel, const struct wgif_link *link,
		    const uint8_t *peer_key, struct wgif_device *device)
{
	const int ret = begin("get %s", link->name);
	const struct fake_interface *interface = find_index(link->index);

	(void)kernel;
	memset(device, 0, sizeof(*device));
	if (ret < 0)
		return ret;
	if (!interface)
		return -ERR_ABSENT;
	*device = interface->device;
	memcpy(device->peer_key, interface->peer_key, KEY_LEN);
	if (device->has_peer && (!peer_key || memcmp(peer_key, interface->peer_key, KEY_LEN) == 0))
		return 0;
	memset(device, 0, sizeof(*device));
	device->listen_port = interface->device.listen_port;
	memcpy(device->public_key, interface->device.public_key, KEY_LEN);
	return 0;
}

int wgif_create(struct wgif_kernel *kernel, const char *name, unsigned int group, unsigned int mtu,
		struct wgif_link *link)
{
	const int ret = begin("create %s", name);
	struct fake_interface *interface;

	(void)kernel;
	if (ret < 0)
		return ret;
	if (fake_find(name))
		return -ERR_EXISTS;
	interface = fake_add(name);
	interface->link.group = group;
	interface->link.mtu = mtu;
	link->index = interface->link.index;
	link->mtu = mtu;
	memcpy(link->name, interface->link.name, sizeof(link->name));
	return 0;
}

int wgif_rename(struct wgif_kernel *kernel, struct wgif_link *link, const char *name)
{
	struct fake_interface *interface, *bearer = fake_find(name);
	const int ret = begin_change("rename", link, &interface, name);

	(void)kernel;
	if (ret < 0)
		return ret;
	interface->link.up = false;
	if (bearer && bearer != interface)
		return -ERR_EXISTS;
	snprintf(interface->link.name, sizeof(interface->link.name), "%s", name);
	memcpy(link->name, interface->link.name, sizeof(link->name));
	return 0;
}

int wgif_add_altname(struct wgif_kernel *kernel, const struct wgif_link *link, const char *altname)
{
	struct fake_interface *interface;
	const int ret = begin_change("add", link, &interface, shorten(altname));

	(void)kernel;
	if (ret < 0)
		return ret;
	if (fake_find(altname))
		return -ERR_EXISTS;
	fake_add_altname(interface, altname);
	return 0;
}

int wgif_delete_altname(struct wgif_kernel *kernel, const struct wgif_link *link,
			const char *altname)
{
	struct fake_interface *interface;
	const int ret = begin_change("drop", link, &interface, shorten(altname));
	char *place;

	(void)kernel;
	if (ret < 0)
		return ret;
	place = find_altname(interface, altname);
	if (place)
		memset(place, 0, WGIF_ALTNAME_SIZE);
	return 0;
}

/* Sets the peer, but not one with the device's own key: the kernel does that, too. */
static void set_peer(struct fake_interface *interface, const struct wgif_setup *setup)
{
	struct wgif_device *device = &interface->device;
	bool is_other;

	if (setup->replace_peers)
		device->has_peer = false;
	if (!setup->peer_key)
		return;
	is_other = memcmp(interface->peer_key, setup->peer_key, KEY_LEN) != 0;
	if (is_other || setup->replace_peers || !device->has_peer) {
		device->handshake = 0;
		device->rx_bytes = device->tx_bytes = 0;
		memset(&device->endpoint, 0, sizeof(device->endpoint));
	}
	if (setup->endpoint)
		device->endpoint = *setup->endpoint;
	if (setup->keepalive)
		device->keepalive = setup->keepalive;
	device->ipv4 = setup->ipv4;
	device->ipv6 = setup->ipv6;
	device->has_other_ips = false;
	memcpy(interface->peer_key, setup->peer_key, KEY_LEN);
	device->has_peer = memcmp(device->public_key, setup->peer_key, KEY_LEN) != 0;
}

int wgif_set_device(struct wgif_kernel *kernel, const struct wgif_link *link,
		    const struct wgif_setup *setup)
{
	struct fake_interface *interface;
	char words[96], mark[32];
	int ret;

	snprintf(mark, sizeof(mark), " mark=%u", setup->mark);
	snprintf(words, sizeof(words), "%s%u%s%s%s%s%s%s", setup->peer_key ? "" : "no peer ",
		 setup->listen_port, setup->new_port ? " new" : "", setup->ipv4 ? " ipv4" : "",
		 setup->ipv6 || !setup->peer_key ? "" : " no-ipv6",
		 setup->replace_peers ? " replace" : "", setup->keepalive ? " keepalive" : "",
		 setup->new_mark ? mark : "");
	ret = begin_change("set", link, &interface, words);
	if (ret < 0)
		return ret;
	/* The socket is opened when the interface comes up. */
	if (interface->link.up && setup->listen_port && setup->listen_port == kernel->held_port)
		return -ERR_BUSY;
	if (setup->listen_port || setup->new_port)
		interface->device.listen_port = setup->listen_port;
	if (setup->new_mark)
		interface->device.mark = setup->mark;
	if (setup->private_key) {
		memcpy(interface->private_key, setup->private_key, KEY_LEN);
		fake_public_key(interface->device.public_key, setup->private_key);
	}
	set_peer(interface, setup);
	return 0;
}

int wgif_set_up(struct wgif_kernel *kernel, const struct wgif_link *link, unsigned int mtu,
		const char *alias)
{
	struct fake_interface *interface;
	const int ret = begin_change("up", link, &interface, "");

	if (ret < 0)
		return ret;
	interface->link.mtu = mtu;
	if (alias)
		snprintf(interface->link.alias, sizeof(interface->link.alias), "%s", alias);
	if (kernel->held_port && interface->device.listen_port == kernel->held_port)
		return -ERR_BUSY;
	interface->link.up = interface->link.multicast = true;
	return 0;
}

/* An address for the calls. */
static const char *address_text(const struct in6_addr *address)
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(AF_INET6, address, text, sizeof(text));
}

int wgif_add_address(struct wgif_kernel *kernel, const struct wgif_link *link,
		     const struct in6_addr *address)
{
	struct fake_interface *interface;
	struct in6_addr *place;
	const int ret = begin_change("address", link, &interface, address_text(address));

	(void)kernel;
	if (ret < 0 || fake_has_address(interface, address))
		return ret;
	place = find_address(interface, &in6addr_any);
	if (!place)
		abort();
	*place = *address;
	return 0;
}

int wgif_delete_address(struct wgif_kernel *kernel, const struct wgif_link *link,
			const struct in6_addr *address)
{
	struct fake_interface *interface;
	struct in6_addr *place;
	const int ret = begin_change("unaddress", link, &interface, address_text(address));

	(void)kernel;
	if (ret < 0)
		return ret;
	place = find_address(interface, address);
	if (place)
		*place = in6addr_any;
	return 0;
}

int wgif_keep_address(struct wgif_kernel *kernel, const struct wgif_link *link,
		      const struct in6_addr *address)
{
	struct fake_interface *interface;
	const int ret = begin_change("keep", link, &interface, address_text(address));

	(void)kernel;
	if (ret < 0)
		return ret;
	/* Without IPv6 there are none. */
	if (interface->link.mtu < 1280)
		return -ERR_FAILURE;
	for (int i = 0; i < FAKE_ADDRESSES; i++)
		interface->addresses[i] = i ? in6addr_any : *address;
	return 0;
}

int wgif_set_alias(struct wgif_kernel *kernel, const struct wgif_link *link, const char *alias)
{
	struct fake_interface *interface;
	const int ret = begin_change("alias", link, &interface, "");

	(void)kernel;
	if (ret == 0)
		snprintf(interface->link.alias, sizeof(interface->link.alias), "%s", alias);
	return ret;
}

int wgif_delete(struct wgif_kernel *kernel, const struct wgif_link *link)
{
	const int ret = begin("delete %s", link->name);
	struct fake_interface *interface = find_index(link->index);

	(void)kernel;
	if (ret == 0 && interface)
		memset(interface, 0, sizeof(*interface));
	return ret;
}
