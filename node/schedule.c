// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When a run begins, and when it ends: waits at random, waits for another run with the same private
 * key, limits the time.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "clock.h"
#include "error.h"
#include "key.h"
#include "log.h"
#include "node/gateway.h"
#include "node/schedule.h"

enum {
	END_GRACE = 2,	/* seconds after its end in which a run can stop by itself */
	LOCK_TIME = 30, /* seconds to wait for another run */
};

void schedule_wait(unsigned int seconds)
{
	const size_t ms = gateway_random((size_t)seconds * 1000 + 1);
	const struct timespec time = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	nanosleep(&time, NULL);
}

int schedule_set_end(unsigned int seconds, int64_t *end)
{
	const struct itimerspec time = { .it_value.tv_sec = (time_t)seconds + END_GRACE };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM };
	timer_t timer;
	int ret;

	*end = INT64_MAX;
	if (!seconds)
		return 0;
	*end = clock_ms() + (int64_t)seconds * 1000;
	ret = timer_create(CLOCK_MONOTONIC, &event, &timer);
	if (ret == 0)
		ret = timer_settime(timer, 0, &time, NULL);
	if (ret < 0)
		log_line(LOG_ERR, "unable to limit the time of the run: %s", strerror(errno));
	return ret;
}

int schedule_lock(const char *key_path, int64_t end)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	const int64_t lock_end = clock_ms() + LOCK_TIME * 1000;
	const int fd = key_open(key_path);
	int ret;

	if (fd < 0)
		return EXIT_CONFIG;
	for (;;) {
		ret = flock(fd, LOCK_EX | LOCK_NB);
		if (ret == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR) {
			log_line(LOG_ERR, "unable to lock %s: %s", key_path, strerror(errno));
			return EXIT_FAILED;
		}
		if (clock_ms() >= lock_end || clock_ms() >= end)
			break;
		nanosleep(&pause, NULL);
	}
	log_line(LOG_WARNING, "another run is at work with %s", key_path);
	return EXIT_LOCKED;
}
