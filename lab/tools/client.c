// SPDX-License-Identifier: GPL-2.0-only
/*
 * client - make connections like real clients, through the kernel's TCP. Limits
 * apply to their number in total, at once and per second.
 *
 * The model. A connection takes one of --parallel slots: connect, send
 * --bytes, stay open for --keep seconds, close. All stay open equally long, so
 * those waiting to close form a queue. One epoll loop does everything.
 *
 * Fast Open (RFC 7413, MSG_FASTOPEN): the first connection to a server is an
 * ordinary one that asks for a cookie. Later ones carry data in the SYN. So
 * run client once before the run that is counted, or begin with --parallel 1.
 *
 * MPTCP (RFC 8684): the kernel makes joins. Configure them on this host with
 * "ip mptcp limits" and "ip mptcp endpoint add ADDR dev IFACE subflow". A
 * connection must stay open (--keep) for joins to happen.
 *
 * Many addresses: one address has only some 28,000 ports for one destination.
 * "ip route add local PREFIX dev lo" makes every address of PREFIX local, and
 * --src PREFIX uses them in turn.
 */
#include "common.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define EVENTS 256
#define PARALLEL_MAX 1000000U
#define ERRNO_MAX 200
#define BYTES_MAX (16U << 20)

static struct {
	struct addr dst;
	struct ports port;
	struct prefix src;
	uint64_t count, rate, bytes, keep_ns, seconds_ns, hosts;
	unsigned int parallel;
	bool fastopen, mptcp, rst, bound;
} o = { .parallel = 64, .seconds_ns = 60 * NSEC_PER_SEC };

/* A connection that connects, sends, or stays open. */
struct slot {
	int fd;
	bool connected;
	uint64_t sent;
	uint64_t close_at;
};

static struct slot *slots;
static uint32_t *free_slots;		/* a stack */
static uint32_t *kept;			/* a ring of slots waiting to close */
static uint32_t n_free, kept_head, kept_count;
static char *data;
static int epoll_fd;
static volatile sig_atomic_t interrupted;

static struct {
	uint64_t started, connected, failed, broken, syn_data;
	uint64_t by_errno[ERRNO_MAX + 1];
} counts;

static void count_error(int error)
{
	counts.failed++;
	counts.by_errno[error > 0 && error < ERRNO_MAX ? error : ERRNO_MAX]++;
}

static void look_at_fastopen(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	/* The kernel sets it on a client if the SYN-ACK acknowledged the SYN's data. */
	if (!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	    info.tcpi_options & TCPI_OPT_SYN_DATA)
		counts.syn_data++;
}

static void end(struct slot *s)
{
	struct linger l = { .l_onoff = 1 };

	if (s->connected && o.fastopen)
		look_at_fastopen(s->fd);
	if (o.rst)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(s->fd);
	s->fd = -1;
	free_slots[n_free++] = (uint32_t)(s - slots);
}

/* Close a connection whose bytes are all sent, now or after --keep. */
static void finish(struct slot *s)
{
	if (!o.keep_ns) {
		end(s);
		return;
	}
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	s->close_at = now_ns() + o.keep_ns;
	kept[(kept_head + kept_count++) % o.parallel] = (uint32_t)(s - slots);
}

static void send_rest(struct slot *s)
{
	while (s->sent < o.bytes) {
		ssize_t n = send(s->fd, data + s->sent, o.bytes - s->sent, MSG_NOSIGNAL);

		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			counts.broken++;
			end(s);
			return;
		}
		s->sent += (uint64_t)n;
	}
	finish(s);
}

static void advance(struct slot *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (!s->connected) {
		if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len))
			error = errno;
		if (error) {
			count_error(error);
			end(s);
			return;
		}
		s->connected = true;
		counts.connected++;
	}
	send_rest(s);
}

static int bind_source(int fd, uint64_t n)
{
	struct addr a = prefix_host(&o.src, n % o.hosts);
	struct sockaddr_storage ss;
	socklen_t len = to_sockaddr(&ss, &a, 0);
	int one = 1;

	/* connect() chooses the port then, and needs only a new 4-tuple. */
	setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&ss, len);
}

static int start_connecting(struct slot *s, const struct sockaddr *to, socklen_t len)
{
	ssize_t n;

	if (!o.fastopen)
		return connect(s->fd, to, len);
	n = sendto(s->fd, data, o.bytes, MSG_FASTOPEN | MSG_NOSIGNAL, to, len);
	if (n < 0)
		return -1;
	s->sent = (uint64_t)n;
	return 0;
}

static void start(void)
{
	uint32_t at = free_slots[--n_free];
	struct slot *s = &slots[at];
	struct epoll_event e = { .events = EPOLLOUT, .data.u32 = at };
	uint64_t n = counts.started++;
	struct sockaddr_storage ss;
	socklen_t len = to_sockaddr(&ss, &o.dst,
				    (uint16_t)(o.port.first +
					       n % (o.port.last - o.port.first + 1U)));

	*s = (struct slot){ .fd = socket(o.dst.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
					 o.mptcp ? IPPROTO_MPTCP : IPPROTO_TCP) };
	if (s->fd < 0)
		fail("socket: %s", strerror(errno));
	if ((o.bound && bind_source(s->fd, n)) ||
	    (start_connecting(s, (struct sockaddr *)&ss, len) && errno != EINPROGRESS)) {
		count_error(errno);
		end(s);
		return;
	}
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &e))
		fail("epoll_ctl: %s", strerror(errno));
}

static void close_kept(uint64_t now)
{
	while (kept_count) {
		struct slot *s = &slots[kept[kept_head]];

		if (s->close_at > now)
			return;
		kept_head = (kept_head + 1) % o.parallel;
		kept_count--;
		end(s);
	}
}

static void run(void)
{
	struct epoll_event events[EVENTS];
	uint64_t begin = now_ns(), until = begin + o.seconds_ns;

	for (uint64_t now = begin; now < until && !interrupted; now = now_ns()) {
		uint64_t due = o.rate ? (now - begin) / 1000 * o.rate / 1000000 + 1 : o.count;
		int timeout = 100, n;

		/* Start a few at a time, so that started connections do not wait. */
		for (int i = 0; i < EVENTS && n_free && counts.started < o.count &&
				counts.started < due; i++)
			start();
		close_kept(now);
		if (counts.started == o.count && n_free == o.parallel)
			return;
		if (n_free && counts.started < o.count)
			timeout = counts.started < due ? 0 : 1;
		else if (kept_count)
			timeout = 5;
		n = epoll_wait(epoll_fd, events, EVENTS, timeout);
		for (int i = 0; i < n; i++)
			advance(&slots[events[i].data.u32]);
	}
}

static void report(uint64_t begin)
{
	bool first = true;

	printf("{\"connected\":%llu,\"failed\":%llu,\"errors\":{",
	       (unsigned long long)counts.connected, (unsigned long long)counts.failed);
	for (int e = 0; e <= ERRNO_MAX; e++) {
		const char *name = e < ERRNO_MAX ? strerrorname_np(e) : "other";

		if (!counts.by_errno[e])
			continue;
		printf("%s\"%s\":%llu", first ? "" : ",", name ? name : "other",
		       (unsigned long long)counts.by_errno[e]);
		first = false;
	}
	printf("},\"broken\":%llu,\"unfinished\":%llu,\"not_started\":%llu,\"syn_data\":%llu,\"seconds\":%.3f}\n",
	       (unsigned long long)counts.broken, (unsigned long long)(o.parallel - n_free),
	       (unsigned long long)(o.count - counts.started),
	       (unsigned long long)counts.syn_data, (double)(now_ns() - begin) / 1e9);
}

static const char help[] =
"usage: client --dst ADDR --port P[-P] --count N [options]\n"
"\n"
"Make N connections, and print one line of JSON at the end. --count and --seconds\n"
"limit the run.\n"
"\n"
"  --dst ADDR      server, IPv4 or IPv6\n"
"  --port P[-P]    port or ports, in turn\n"
"  --count N       connections\n"
"  --parallel M    at most M at once (64)\n"
"  --rate R        new connections per second, 0: no limit (0)\n"
"  --bytes N       send N bytes on each, at most 16777216 (0)\n"
"  --keep S        then keep it open for S seconds (0)\n"
"  --rst           close with a reset, which leaves no TIME_WAIT\n"
"  --src PREFIX    local addresses to connect from, in turn\n"
"  --fastopen      send data in the SYN (--bytes is then 1 if not given)\n"
"  --mptcp         use MPTCP sockets\n"
"  --seconds S     stop after S seconds (60)\n"
"\n"
"failed: connect() failed (errors: by error); broken: send() failed; unfinished\n"
"and not_started: at the end of --seconds; syn_data: Fast Opens that the server\n"
"accepted.\n";

enum { O_DST = 256, O_PORT, O_COUNT, O_PARALLEL, O_RATE, O_BYTES, O_KEEP, O_RST, O_SRC, O_FASTOPEN,
       O_MPTCP, O_SECONDS, O_HELP };

static const struct option long_options[] = {
	{ "dst", 1, 0, O_DST }, { "port", 1, 0, O_PORT }, { "count", 1, 0, O_COUNT },
	{ "parallel", 1, 0, O_PARALLEL }, { "rate", 1, 0, O_RATE }, { "bytes", 1, 0, O_BYTES },
	{ "keep", 1, 0, O_KEEP }, { "rst", 0, 0, O_RST }, { "src", 1, 0, O_SRC },
	{ "fastopen", 0, 0, O_FASTOPEN }, { "mptcp", 0, 0, O_MPTCP },
	{ "seconds", 1, 0, O_SECONDS }, { "help", 0, 0, O_HELP }, { 0 }
};

static void parse_options(int argc, char **argv)
{
	const char *src = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case O_DST: o.dst = parse_addr("dst", optarg); break;
		case O_PORT: o.port = parse_ports("port", optarg); break;
		case O_COUNT: o.count = parse_number("count", optarg, 1, 1000000000); break;
		case O_PARALLEL:
			o.parallel = (unsigned int)parse_number("parallel", optarg, 1,
								PARALLEL_MAX);
			break;
		case O_RATE: o.rate = parse_number("rate", optarg, 0, 10000000); break;
		case O_BYTES: o.bytes = parse_number("bytes", optarg, 0, BYTES_MAX); break;
		case O_KEEP: o.keep_ns = parse_seconds("keep", optarg, 86400); break;
		case O_RST: o.rst = true; break;
		case O_SRC: src = optarg; break;
		case O_FASTOPEN: o.fastopen = true; break;
		case O_MPTCP: o.mptcp = true; break;
		case O_SECONDS: o.seconds_ns = parse_seconds("seconds", optarg, 86400); break;
		case O_HELP: fputs(help, stdout); exit(0);
		default: exit(2);	/* getopt_long() has printed the reason */
		}
	}
	no_more_arguments(argc, argv, optind);
	if (!o.dst.family)
		usage_error("--dst is missing; --help lists the options");
	if (!o.port.first)
		usage_error("--port is missing; --help lists the options");
	if (!o.count)
		usage_error("--count is missing; --help lists the options");
	if (src) {
		o.src = parse_prefix("src", src);
		o.hosts = prefix_hosts(&o.src, UINT32_MAX);
		o.bound = true;
		if (o.src.base.family != o.dst.family)
			usage_error("--src: \"%s\" does not have the IP version of --dst", src);
	}
	if (o.fastopen && !o.bytes)
		o.bytes = 1;
}

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t begin;

	tool_name = "client";
	argv[0] = (char *)tool_name;	/* the name in getopt_long()'s messages */
	parse_options(argc, argv);
	raise_file_limit();
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	slots = calloc(o.parallel, sizeof(*slots));
	free_slots = calloc(o.parallel, sizeof(*free_slots));
	kept = calloc(o.parallel, sizeof(*kept));
	data = calloc(1, o.bytes + 1);
	if (epoll_fd < 0 || !slots || !free_slots || !kept || !data)
		fail("out of memory or descriptors: %s", strerror(errno));
	while (n_free < o.parallel) {
		free_slots[n_free] = o.parallel - 1 - n_free;
		n_free++;
	}
	begin = now_ns();
	run();
	report(begin);
	return fflush(stdout) ? 1 : 0;
}
