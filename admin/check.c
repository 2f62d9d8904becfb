// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looks at all that serving nodes takes, one thing after the other, and goes on after what is
 * wrong. Changes nothing. What the layers below log becomes lines of the report.
 *
 * Files come first, as the user that handlers run as sees them, and then the kernel and the routing
 * daemons, with as few rights as the other commands have.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/capability.h>

#include "admin/check.h"
#include "access.h"
#include "config.h"
#include "deadline.h"
#include "error.h"
#include "key.h"
#include "log.h"
#include "mesh.h"
#include "peer.h"
#include "privileges.h"
#include "session.h"
#include "slot.h"
#include "turn.h"

#define USER "wg-broker"
#define MAKE_FILE "install -m 0400 -o " USER " -g " USER " /dev/stdin"

enum {
	PORTS = 65536,
	TCP_LISTENING = 0x0a, /* TCP_LISTEN of the kernel's net/tcp_states.h */
	LOCK_TIME = 3,	      /* seconds for which a busy gateway may keep the lock from us */
	TURN_TIME = 5,	      /* seconds to wait for a turn at the routing daemons */
	PRUNE_TIME = 900,     /* seconds in which prune must have run: it should every 300 */
};

enum verdict { OK, NOTE, WRONG };

/* What is looked at, and what to do if that fails; "" where the log's words say it. */
static const char *subject, *remedy;
static bool is_coloured, is_any_wrong;

__attribute__((format(printf, 2, 3))) static void say(enum verdict verdict, const char *format, ...)
{
	static const char *const words[] = { "ok   ", "note ", "WRONG" };
	static const char *const colours[] = { "\033[32m", "\033[33m", "\033[1;31m" };
	va_list arguments;

	is_any_wrong |= verdict == WRONG;
	if (is_coloured)
		printf("%s%s\033[0m   %s: ", colours[verdict], words[verdict], subject);
	else
		printf("%s   %s: ", words[verdict], subject);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static void take_log_line(const char *text)
{
	say(WRONG, "%s%s%s%s", text, *remedy ? " (" : "", remedy, *remedy ? ")" : "");
}

static void begin(const char *of, const char *what_to_do)
{
	subject = of;
	remedy = what_to_do;
}

static bool wants_colours(void)
{
	const char *unwanted = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(unwanted && *unwanted) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

static int check_configuration(struct config *config, const char *path)
{
	int ret;

	begin("configuration", "");
	ret = config_read(config, path);
	if (ret == 0)
		say(OK, "%s", path ? path : CONFIG_FILE);
	else
		say(NOTE, "the checks below use the settings that are valid");
	return ret;
}

/*
 * Becomes the user that handlers run as, for a look at files. Not getpwnam(3): a static program has
 * no name service.
 */
static void become_user(void)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;
	int ret;

	begin("user", "");
	do
		user = file ? fgetpwent(file) : NULL;
	while (user && strcmp(user->pw_name, USER) != 0);
	if (!user) {
		say(NOTE,
		    "there is no user " USER ": files are checked as the user of this command");
	} else if (geteuid() != 0) {
		say(NOTE, "files are checked as the user of this command: run it as root");
	} else {
		ret = setgroups(0, NULL);
		if (ret == 0)
			ret = setegid(user->pw_gid);
		if (ret == 0)
			ret = seteuid(user->pw_uid);
		if (ret == 0)
			say(OK, "files are checked as the user " USER ", as handlers run");
		else
			say(NOTE, "unable to check files as " USER ": %s", strerror(errno));
	}
	if (file)
		fclose(file);
}

/* And becomes root again, if it was. */
static int become_ourselves(void)
{
	int ret;

	ret = seteuid(getuid());
	if (ret == 0)
		ret = setegid(getgid());
	if (ret == 0)
		return 0;
	say(WRONG, "unable to become root again: %s", strerror(errno));
	return -ERR_FAILURE;
}

/* Returns a descriptor, which is the lock, or a negative error. */
static int check_key(const struct config *config)
{
	static char words[PATH_MAX + 100];
	const char *path = config->private_key;
	uint8_t key[KEY_LEN];
	int fd, ret;

	begin("private key", "let the user " USER " read it, and nobody else");
	ret = faccessat(AT_FDCWD, path, F_OK, AT_EACCESS);
	if (ret < 0 && errno == ENOENT) {
		snprintf(words, sizeof(words), "make one: wg genkey | " MAKE_FILE " %s", path);
		remedy = words;
	}
	fd = key_open(path);
	if (fd < 0)
		return fd;
	remedy = "";
	ret = key_read_open(key, fd, path);
	explicit_bzero(key, sizeof(key));
	if (ret == 0)
		say(OK, "%s", path);
	return fd;
}

static void check_lock(const struct config *config, int key_file)
{
	int ret;

	begin("lock", "see who by fuser -v; no new node is served meanwhile");
	if (key_file < 0) {
		say(NOTE, "not looked at: it is the private key's file");
		return;
	}
	deadline_set(LOCK_TIME);
	ret = peer_lock(config, key_file);
	deadline_end();
	if (ret < 0)
		return;
	peer_unlock(key_file);
	say(OK, "free");
}

/* Counts what is in a list, with the rights that we have. */
static void count_keys(const char *setting, const char *path)
{
	DIR *list = *path ? opendir(path) : NULL;
	unsigned int keys = 0, others = 0;
	const struct dirent *entry;
	uint8_t key[KEY_LEN];
	bool is_key;

	if (!list)
		return;
	for (entry = readdir(list); entry; entry = readdir(list)) {
		is_key = strlen(entry->d_name) == KEY_TEXT_LEN &&
			 key_from_altname(key, entry->d_name) == 0;
		keys += is_key;
		/* .git, say */
		others += !is_key && entry->d_name[0] != '.';
	}
	closedir(list);
	begin(setting, "");
	say(OK, "%s has %u key%s", path, keys, keys == 1 ? "" : "s");
	if (others)
		say(NOTE, "%u of its names %s no key: write - for + and _ for /", others,
		    others == 1 ? "is" : "are");
}

static void check_lists(const struct config *config)
{
	static const uint8_t any_key[KEY_LEN];
	struct access access;
	int ret;

	begin("lists of keys",
	      "nobody gets in; make that directory, and let the user " USER " look into it");
	ret = access_open(&access, config);
	if (ret == 0)
		(void)access_check(&access, any_key);
}

/* The operator's own program, as the user that handlers run as can run it. */
static void check_program(const struct config *config)
{
	struct stat file;
	int ret;

	if (!*config->check)
		return;
	begin("CHECK", "nobody gets in; let the user " USER " run it");
	ret = faccessat(AT_FDCWD, config->check, X_OK, AT_EACCESS);
	if (ret == 0)
		ret = stat(config->check, &file);
	if (ret == 0 && S_ISDIR(file.st_mode)) {
		errno = EISDIR;
		ret = -1;
	}
	if (ret < 0)
		log_line(LOG_ERR, "unable to run %s: %s", config->check, strerror(errno));
	else
		say(OK, "%s", config->check);
}

/* A routing daemon's socket. What else is wrong with it is seen when the daemon is asked. */
static void check_socket(const char *path)
{
	int ret;

	/* None, or a port. */
	if (*path != '/')
		return;
	begin("routing daemon", "nodes are not routed; let the user " USER " write to it");
	ret = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
	if (ret < 0 && errno == EACCES)
		log_line(LOG_ERR, "unable to write to %s: %s", path, strerror(errno));
}

/*
 * Marks the local ports of the sockets in a table, see proc(5): those of a state, or of any for 0.
 * Returns whether it could be read.
 */
static bool read_ports(const char *path, unsigned int state, bool ports[static PORTS])
{
	FILE *file = fopen(path, "re");
	unsigned int port, its_state;
	char line[256];
	int fields;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		fields =
			sscanf(line, " %*u: %*[0-9A-F]:%4x %*[0-9A-F]:%*4x %2x", &port, &its_state);
		if (fields == 2 && (state == 0 || state == its_state))
			ports[port] = true;
	}
	fclose(file);
	return true;
}

/* Not by a connection, which would cost a handler. */
static void check_supervisor(const struct config *config)
{
	static bool ports[PORTS];
	bool is_known;

	begin("supervisor", "");
	is_known = read_ports("/proc/net/tcp", TCP_LISTENING, ports);
	is_known |= read_ports("/proc/net/tcp6", TCP_LISTENING, ports);
	if (!is_known)
		say(NOTE, "not looked at: /proc/net/tcp cannot be read");
	else if (ports[config->broker_port])
		say(OK, "somebody listens on TCP port %u", config->broker_port);
	else
		say(WRONG,
		    "nobody listens on TCP port %u: start it, see README; BROKERPORT must be its "
		    "port",
		    config->broker_port);
}

/* A gateway may be there for what runs on it alone, so that is not wrong. */
static void check_sysctl(const char *name, const char *path)
{
	FILE *file = fopen(path, "re");
	const int value = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	if (value == '1')
		say(OK, "%s is on", name);
	else if (value == '0')
		say(NOTE, "%s is off: nodes reach this machine, and not each other", name);
	else
		say(NOTE, "not looked at: %s cannot be read", path);
}

static void check_forwarding(const struct config *config)
{
	begin("forwarding", "");
	if (config->ipv6)
		check_sysctl("net.ipv6.conf.all.forwarding",
			     "/proc/sys/net/ipv6/conf/all/forwarding");
	if (config->ipv4)
		check_sysctl("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward");
}

static bool has_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	const long ret = syscall(SYS_capget, &header, sets);

	return ret == 0 && sets[0].effective & 1U << CAP_NET_ADMIN;
}

/* Returns whether the interfaces can be looked at. */
static bool check_capability(void)
{
	begin("capability", "");
	if (has_capability()) {
		say(OK, "CAP_NET_ADMIN");
		return true;
	}
	say(WRONG, "CAP_NET_ADMIN is missing: run it as root");
	return false;
}

/* The last of what is needed that came was close_range(2), after WireGuard and long altnames. */
static void check_kernel(struct wgif_kernel *kernel)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;
	int ret;

	begin("kernel", "see what `modprobe wireguard` says");
	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	ret = wgif_load(kernel);
	if (major < 5 || (major == 5 && minor < 9))
		say(WRONG, "it is Linux %s: run 5.9 or later", name.release);
	else if (ret == 0)
		say(OK, "Linux %s, with WireGuard", name.release);
}

/* The interfaces that there are. */
struct census {
	unsigned int used, within; /* and how many of them are within the limit */
	int64_t longest;	   /* seconds since prune looked at one, or 0 */
	char longest_name[IFNAMSIZ];
};

static void count_interface(struct census *census, const struct session *session,
			    const struct config *config)
{
	const int64_t since = session_looked_age(session);

	census->used++;
	census->within += slot_from_ifname(config, session->link.name) <= config->slots;
	if (since <= census->longest)
		return;
	census->longest = since;
	memcpy(census->longest_name, session->link.name, sizeof(census->longest_name));
}

/* Also takes our own ports out of those that are held. */
static int count_interfaces(struct census *census, struct wgif_kernel *kernel,
			    const struct config *config, bool held[static PORTS])
{
	struct session session;
	struct wgif_link *links;
	int count, ret;

	count = session_list_links(kernel, config, &links);
	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		session = (struct session){ .link = links[i] };
		ret = session_read_device(kernel, NULL, &session);
		/* It went meanwhile, or that is logged. */
		if (ret < 0)
			continue;
		count_interface(census, &session, config);
		held[session.device.listen_port] = false;
	}
	free(links);
	return 0;
}

static void check_room(const struct config *config, const struct census *census)
{
	begin("room", "");
	if (config->max_peers == 0)
		say(NOTE, "MAXCONNECTIONS=0: no new node gets in; %u are there", census->used);
	else if (census->used >= config->slots)
		say(NOTE, "all %u slots are used: raise MAXCONNECTIONS or ENDPORT", config->slots);
	else
		say(OK, "%u of %u slots used, %u free", census->used, config->slots,
		    config->slots - census->used);
	if (config->slots < config->max_peers)
		say(NOTE, "MAXCONNECTIONS=%u, but STARTPORT to ENDPORT are only %u ports",
		    config->max_peers, config->slots);
}

static void check_ports(const struct config *config, const struct census *census,
			const bool held[static PORTS])
{
	unsigned int count = 0, last = config->start_port + config->slots - 1;

	begin("UDP ports", "");
	if (config->slots == 0)
		return;
	for (unsigned int port = config->start_port; port <= last; port++)
		count += held[port];
	if (count == 0)
		say(OK, "no other program holds one of %u to %u", config->start_port, last);
	else
		say(census->within < config->slots && count >= config->slots - census->within ?
			    WRONG :
			    NOTE,
		    "other programs hold %u of %u to %u, whose slots cannot be used: see `ss -ulpn`",
		    count, config->start_port, last);
}

static void check_prune(const struct census *census)
{
	begin("prune", "");
	if (census->longest > PRUNE_TIME)
		say(WRONG,
		    "it has not looked at %s for %" PRId64
		    " min: have it run every five minutes, by wg-broker-prune.timer or cron",
		    census->longest_name, census->longest / 60);
	else if (census->used)
		say(OK, "it runs");
}

/* The interfaces, and what follows from them. */
static void check_interfaces(struct wgif_kernel *kernel, const struct config *config,
			     bool held[static PORTS])
{
	struct census census = { 0 };
	int ret;

	begin("interfaces", "");
	ret = count_interfaces(&census, kernel, config, held);
	if (ret < 0)
		return;
	check_room(config, &census);
	check_ports(config, &census, held);
	check_prune(&census);
}

static void check_daemons(const struct config *config)
{
	struct mesh_state state;
	struct turn turn;

	if (!mesh_is_configured(config))
		return;
	turn_wait(&turn, TURN_TIME);
	for (unsigned int i = 0;; i++) {
		begin("routing daemon", "start it, or empty its setting in the configuration");
		/* One that does not answer is logged. */
		if (!mesh_get_state(config, i, &state))
			break;
		if (state.down)
			say(WRONG,
			    "%s cannot use %u of its %u interfaces: raise net.core.optmem_max and "
			    "restart it",
			    state.name, state.down, state.known);
		else if (state.answers)
			say(OK, "%s knows %u interface%s", state.name, state.known,
			    state.known == 1 ? "" : "s");
	}
	turn_end(&turn);
}

/* From here on the routing daemons are heard. */
static void check_running(const struct config *config, bool is_configured, bool held[static PORTS])
{
	struct wgif_kernel *kernel;
	bool can_look;

	begin("privileges", "");
	if (privileges_drop() < 0)
		return;
	can_look = check_capability();
	begin("kernel", "");
	kernel = wgif_open();
	if (kernel)
		check_kernel(kernel);
	if (kernel && can_look && is_configured)
		check_interfaces(kernel, config, held);
	wgif_close(kernel);
	check_daemons(config);
}

int check(const char *path)
{
	static struct config config; /* for leak checkers: its strings are never freed */
	static bool held[PORTS];
	bool is_configured;
	int key_file, ret;

	is_coloured = wants_colours();
	log_divert(take_log_line);
	become_user();
	is_configured = check_configuration(&config, path) == 0;
	key_file = check_key(&config);
	check_lists(&config);
	check_program(&config);
	check_socket(config.babel);
	check_socket(config.l3roamd);
	check_socket(config.mmfd);
	ret = become_ourselves();
	count_keys("ALLOWKEYS", config.allow_keys);
	count_keys("DENYKEYS", config.deny_keys);
	check_lock(&config, key_file);
	check_supervisor(&config);
	check_forwarding(&config);
	(void)read_ports("/proc/net/udp", 0, held);
	(void)read_ports("/proc/net/udp6", 0, held);
	if (ret == 0)
		check_running(&config, is_configured, held);
	log_divert(NULL);
	return is_any_wrong ? -ERR_CONFIG : 0;
}
