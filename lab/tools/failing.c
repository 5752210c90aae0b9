// SPDX-License-Identifier: GPL-2.0-only
/*
 * failing - make the kernel fail the Nth allocation of one operation, and print
 * the result.
 *
 * The kernel counts the allocations of this thread only, from the write to its
 * fail-nth on (Documentation/fault-injection/fault-injection.rst). So only the
 * requested system calls count. Afterwards fail-nth is 0 if there were N
 * allocations.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail_nth;

static void arm(unsigned long long nth)
{
	if (dprintf(fail_nth, "%llu", nth) < 0)
		fail("fail-nth: %s", strerror(errno));
}

/* Return whether there were N allocations, so that the Nth failed. */
static bool has_failed(void)
{
	char left[32] = "";

	if (pread(fail_nth, left, sizeof(left) - 1, 0) < 0)
		fail("fail-nth: %s", strerror(errno));
	return !strtoull(left, NULL, 10);
}

static int load(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
}

/* Open a tap, write its filter, and read it once. */
static int use(const char *path, const char *filter, int *fd)
{
	char text[4096];

	*fd = open(path, O_RDWR | O_NONBLOCK);
	if (*fd < 0 || write(*fd, filter, strlen(filter)) < 0)
		return errno;
	return read(*fd, text, sizeof(text)) < 0 && errno != EAGAIN ? errno : 0;
}

static int show(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY), err = 0;

	if (fd < 0 || read(fd, text, sizeof(text)) < 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* Return 0 if the new network namespace has the files of the module, else an errno. */
static int made_whole(void)
{
	return access("/proc/thread-self/net/tcpsynq_status", R_OK) ? errno : 0;
}

static const char help[] =
"usage: failing N load FILE         load a module\n"
"       failing N use FILE FILTER   open a tap, write its filter, read\n"
"       failing N show FILE         open a file and read it\n"
"       failing N netns             make a network namespace; ENOENT if it lacks\n"
"                                   the module's files\n"
"\n"
"Prints one line: the error's name, or 0; then 1 if the Nth allocation failed, or\n"
"0 if there were fewer.\n";

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	unsigned long long nth;
	int fd = -1, err;
	bool failed;

	tool_name = "failing";
	if (!((argc == 4 && (!strcmp(what, "load") || !strcmp(what, "show"))) ||
	      (argc == 5 && !strcmp(what, "use")) || (argc == 3 && !strcmp(what, "netns")))) {
		fputs(help, stderr);
		return 2;
	}
	nth = parse_number("N", argv[1], 1, 1000000);
	if (!strcmp(what, "load") && (fd = open(argv[3], O_RDONLY)) < 0)
		fail("%s: %s", argv[3], strerror(errno));
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth < 0)
		fail("fail-nth: %s: the kernel lacks fault injection", strerror(errno));
	arm(nth);
	if (!strcmp(what, "load"))
		err = load(fd);
	else if (!strcmp(what, "use"))
		err = use(argv[3], argv[4], &fd);
	else if (!strcmp(what, "show"))
		err = show(argv[3]);
	else
		err = unshare(CLONE_NEWNET) ? errno : 0;
	failed = has_failed();
	arm(0);
	if (!err && !strcmp(what, "netns"))
		err = made_whole();
	printf("%s %d\n", err ? strerrorname_np(err) : "0", failed);
	return fflush(stdout) ? 1 : 0;
}
