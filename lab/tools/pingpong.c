// SPDX-License-Identifier: GPL-2.0-only
/*
 * pingpong PORT TIMES: send a byte back and forth over a connection to this
 * process. Both ends are in one thread, so each segment costs the kernel the
 * same. In a bulk transfer, the kernel receives two segments at a time.
 */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static int checked(const char *what, int result)
{
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
	return result;
}

static void pass(int from, int to)
{
	char byte = 0;

	if (write(from, &byte, 1) != 1 || read(to, &byte, 1) != 1)
		fail("the connection broke: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener, near, far, one = 1;
	uint64_t times;

	tool_name = "pingpong";
	if (argc != 3)
		usage_error("pingpong PORT TIMES");
	here.sin_port = htons((uint16_t)parse_number("PORT", argv[1], 1, UINT16_MAX));
	times = parse_number("TIMES", argv[2], 0, UINT32_MAX);
	listener = checked("socket", socket(AF_INET, SOCK_STREAM, 0));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	checked("bind", bind(listener, (struct sockaddr *)&here, sizeof(here)));
	checked("listen", listen(listener, 1));
	near = checked("socket", socket(AF_INET, SOCK_STREAM, 0));
	checked("connect", connect(near, (struct sockaddr *)&here, sizeof(here)));
	far = checked("accept", accept(listener, NULL, NULL));
	setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (times--) {
		pass(near, far);
		pass(far, near);
	}
	return 0;
}
