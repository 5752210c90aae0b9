// SPDX-License-Identifier: GPL-2.0-only
/*
 * reread TIMES FILE: open a file, read it to its end and close it, TIMES times in
 * one process. Measures the cost for a program that already runs.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 16];

int main(int argc, char **argv)
{
	uint64_t times;

	tool_name = "reread";
	if (argc != 3)
		usage_error("reread TIMES FILE");
	times = parse_number("TIMES", argv[1], 0, UINT32_MAX);
	while (times--) {
		int fd = open(argv[2], O_RDONLY);
		ssize_t got;

		if (fd < 0)
			fail("cannot open %s: %s", argv[2], strerror(errno));
		do
			got = read(fd, buffer, sizeof(buffer));
		while (got > 0);
		if (got < 0)
			fail("cannot read %s: %s", argv[2], strerror(errno));
		close(fd);
	}
	return 0;
}
