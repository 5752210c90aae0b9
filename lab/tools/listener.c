// SPDX-License-Identifier: GPL-2.0-only
/*
 * listener - listen on TCP ports. The sockets accept or not, share their ports in
 * SO_REUSEPORT groups, and close one by one while it runs.
 *
 * The model. On each port there are --reuseport members, numbered from 0;
 * "member m" is the m-th socket of every port. A close takes the lowest open
 * member, on every port at once. One epoll loop does everything; signals
 * arrive through a signalfd:
 *   SIGUSR1          close the first open member
 *   SIGUSR2          close all, and keep running
 *   SIGHUP           shutdown(SHUT_RD) all: they stop listening, but stay open
 *   SIGINT, SIGTERM  print the counts, and exit
 *
 * min(--backlog, net.core.somaxconn) limits the number of half-opens, and the
 * number of connections that wait for accept() (listen(2)).
 */
#include "common.h"

#include <errno.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define LISTENERS_MAX 4096
#define PORTS_MAX 1024
#define MEMBERS_MAX 256
#define EVENTS 256
#define ACCEPTS_AT_ONCE 1024	/* then handle other sockets and signals */

enum mode { ACCEPT_YES, ACCEPT_CLOSE, ACCEPT_HOLD, ACCEPT_RST, ACCEPT_NO };

static const char *const mode_names[] = { "yes", "close", "hold", "rst", "no" };

/* The type of an epoll event, in addition to the descriptor. */
enum about { A_SIGNAL, A_LISTENER, A_CONNECTION };

static struct {
	struct addr addr;
	uint16_t port[PORTS_MAX];
	unsigned int ports, members;
	int backlog, fastopen, defer;
	enum mode mode;
	bool mptcp, migrate;
	uint64_t close_after_ns, seconds_ns;
} o = {
	.addr = { .family = AF_INET },
	.members = 1,
	.backlog = 4096,
	.fastopen = -1,
	.defer = -1,
	.seconds_ns = 600 * NSEC_PER_SEC,
};

static int sockets[LISTENERS_MAX];	/* member m of port p: m * ports + p; -1 once closed */
static unsigned int next_member;
static int epoll_fd;

static struct {
	uint64_t accepted, accept_errors, ended, reset, syn_data;
} counts;

static void watch(int fd, enum about about)
{
	struct epoll_event e = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)about << 32 | (uint32_t)fd,
	};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e))
		fail("epoll_ctl: %s", strerror(errno));
}

static void set_option(int fd, int level, int name, int value, const char *what)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		fail("%s: %s", what, strerror(errno));
}

/*
 * Load a BPF program that leaves the choice of a socket to the kernel. Its attach type
 * makes half-opens move when their socket closes (since 5.14), even if
 * net.ipv4.tcp_migrate_req is 0.
 */
static int migrating_program(void)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = SK_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SK_REUSEPORT,
		.expected_attach_type = BPF_SK_REUSEPORT_SELECT_OR_MIGRATE,
		.insns = (uintptr_t)pass,
		.insn_cnt = sizeof(pass) / sizeof(*pass),
		.license = (uintptr_t)"GPL",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0)
		fail("--migrate: cannot load the program: %s", strerror(errno));
	return fd;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = to_sockaddr(&ss, &o.addr, port);
	int fd = socket(o.addr.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			o.mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);

	if (fd < 0)
		fail("socket: %s%s", strerror(errno),
		     o.mptcp ? " (is net.mptcp.enabled=1?)" : "");
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
	if (o.members > 1)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
	if (o.addr.family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY");
	if (o.fastopen >= 0)
		set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, o.fastopen, "TCP_FASTOPEN");
	if (o.defer >= 0)
		set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, o.defer, "TCP_DEFER_ACCEPT");
	if (bind(fd, (struct sockaddr *)&ss, len))
		fail("bind to port %u: %s", port, strerror(errno));
	if (listen(fd, o.backlog))
		fail("listen on port %u: %s", port, strerror(errno));
	/* The program is that of the group. Each member attaches it again. */
	if (o.migrate)
		set_option(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, migrating_program(),
			   "SO_ATTACH_REUSEPORT_EBPF");
	if (o.mode != ACCEPT_NO)
		watch(fd, A_LISTENER);
	return fd;
}

static void say(const char *what, unsigned int member)
{
	printf("%s %u left %u\n", what, member, o.members - next_member);
	fflush(stdout);
}

/* Close a member on every port. close() also removes a descriptor from epoll. */
static void close_next_member(void)
{
	if (next_member == o.members)
		return;
	for (unsigned int p = 0; p < o.ports; p++) {
		int *fd = &sockets[next_member * o.ports + p];

		close(*fd);
		*fd = -1;
	}
	next_member++;
	say("closed", next_member - 1);
}

static void shut_all(void)
{
	for (unsigned int i = next_member * o.ports; i < o.members * o.ports; i++) {
		/* After shutdown() a socket is always ready: take it off epoll first. */
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, sockets[i], NULL);
		if (shutdown(sockets[i], SHUT_RD) && errno != ENOTCONN)
			fail("shutdown: %s", strerror(errno));
	}
	say("shut from", next_member);
}

static void close_with_reset(int fd)
{
	struct linger l = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

/* Return whether the SYN of this connection carried data (Fast Open). */
static bool came_with_data(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	       info.tcpi_options & TCPI_OPT_SYN_DATA;
}

/* Read all data there is. If the connection has ended, close it and return false. */
static bool read_some(int fd)
{
	static char sink[65536];
	ssize_t got;

	do
		got = recv(fd, sink, sizeof(sink), 0);
	while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0 && errno == EAGAIN)
		return true;
	if (got)
		counts.reset++;
	else
		counts.ended++;
	close(fd);
	return false;
}

static void accept_some(int listener)
{
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			counts.accept_errors++;
			/* Out of descriptors or memory: the socket stays ready, so wait. */
			if (errno != ECONNABORTED) {
				usleep(10000);
				return;
			}
			continue;
		}
		counts.accepted++;
		if (o.fastopen >= 0)
			counts.syn_data += came_with_data(fd);
		/* Many have ended before they are accepted: do not watch these. */
		if (o.mode == ACCEPT_YES && read_some(fd))
			watch(fd, A_CONNECTION);
		else if (o.mode == ACCEPT_CLOSE)
			close(fd);
		else if (o.mode == ACCEPT_RST)
			close_with_reset(fd);
	}
}

/* Handle signals. Return false if the program should exit. */
static bool handle_signal(int fd)
{
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof(si)) == sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGUSR1:
			close_next_member();
			break;
		case SIGUSR2:
			while (next_member < o.members)
				close_next_member();
			break;
		case SIGHUP:
			shut_all();
			break;
		default:
			return false;
		}
	}
	return true;
}

static void serve(void)
{
	struct epoll_event events[EVENTS];
	uint64_t start = now_ns(), end = start + o.seconds_ns;
	uint64_t close_at = o.close_after_ns ? start + o.close_after_ns : UINT64_MAX;

	for (uint64_t now = start; now < end; now = now_ns()) {
		uint64_t until;
		int n;

		if (now >= close_at) {
			close_next_member();
			close_at = UINT64_MAX;
		}
		until = close_at < end ? close_at : end;
		n = epoll_wait(epoll_fd, events, EVENTS, (int)((until - now) / 1000000 + 1));
		for (int i = 0; i < n; i++) {
			int fd = (int)(uint32_t)events[i].data.u64;

			switch (events[i].data.u64 >> 32) {
			case A_SIGNAL:
				if (!handle_signal(fd))
					return;
				/* The other events may be of closed descriptors now. */
				i = n;
				break;
			case A_LISTENER:
				accept_some(fd);
				break;
			default:
				read_some(fd);
			}
		}
	}
}

static const char help[] =
"usage: listener --port P[,P...|-P] [options]\n"
"\n"
"Listen until a signal or --seconds. Prints \"ready\", a line for each close\n"
"(\"closed M left N\"), and one line of JSON at the end.\n"
"\n"
"  --port LIST       ports and ranges, such as 80 or 80,443 or 8000-8007\n"
"  --addr ADDR       0.0.0.0, an IPv4 or IPv6 address; :: takes both (0.0.0.0)\n"
"  --backlog N       backlog of listen(), limited by somaxconn (4096)\n"
"  --accept MODE     yes: accept, read to the end, close (default)\n"
"                    close: accept, close at once; rst: close with a reset\n"
"                    hold: accept, keep open; no: never accept\n"
"  --reuseport N     N sockets on each port (1)\n"
"  --migrate         move half-opens when their socket closes, by a BPF program\n"
"  --close-after S   close the first member after S seconds, once\n"
"  --fastopen QLEN   TCP_FASTOPEN; net.ipv4.tcp_fastopen must have bit 2 set\n"
"  --defer-accept S  TCP_DEFER_ACCEPT\n"
"  --mptcp           use MPTCP sockets\n"
"  --seconds S       stop after S seconds (600)\n"
"\n"
"SIGUSR1 closes the first open member, SIGUSR2 all; SIGHUP shuts all down\n"
"without closing; SIGINT and SIGTERM print the counts and exit.\n"
"accepted: connections; ended, reset: those of --accept yes that ended with a FIN,\n"
"or with an error; syn_data: those with data in the SYN (--fastopen).\n";

enum { O_PORT = 256, O_ADDR, O_BACKLOG, O_ACCEPT, O_REUSEPORT, O_CLOSE_AFTER, O_FASTOPEN,
       O_DEFER, O_MPTCP, O_MIGRATE, O_SECONDS, O_HELP };

static const struct option long_options[] = {
	{ "port", 1, 0, O_PORT }, { "addr", 1, 0, O_ADDR }, { "backlog", 1, 0, O_BACKLOG },
	{ "accept", 1, 0, O_ACCEPT }, { "reuseport", 1, 0, O_REUSEPORT },
	{ "close-after", 1, 0, O_CLOSE_AFTER }, { "fastopen", 1, 0, O_FASTOPEN },
	{ "defer-accept", 1, 0, O_DEFER }, { "mptcp", 0, 0, O_MPTCP }, { "migrate", 0, 0, O_MIGRATE },
	
	{ "seconds", 1, 0, O_SECONDS }, { "help", 0, 0, O_HELP }, { 0 }
};

static void parse_port_list(char *text)
{
	for (char *part = strtok(text, ","); part; part = strtok(NULL, ",")) {
		struct ports p = parse_ports("port", part);

		for (unsigned int port = p.first; port <= p.last; port++) {
			if (o.ports == PORTS_MAX)
				usage_error("--port: at most %d ports", PORTS_MAX);
			o.port[o.ports++] = (uint16_t)port;
		}
	}
}

static enum mode parse_mode(const char *text)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(*mode_names); i++)
		if (!strcmp(text, mode_names[i]))
			return (enum mode)i;
	usage_error("--accept: \"%s\" is not yes, close, hold, rst or no", text);
}

static void parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case O_PORT: parse_port_list(optarg); break;
		case O_ADDR: o.addr = parse_addr("addr", optarg); break;
		case O_BACKLOG:
			o.backlog = (int)parse_number("backlog", optarg, 0, INT32_MAX);
			break;
		case O_ACCEPT: o.mode = parse_mode(optarg); break;
		case O_REUSEPORT:
			o.members = (unsigned int)parse_number("reuseport", optarg, 1, MEMBERS_MAX);
			break;
		case O_CLOSE_AFTER:
			o.close_after_ns = parse_seconds("close-after", optarg, 86400);
			break;
		case O_FASTOPEN:
			o.fastopen = (int)parse_number("fastopen", optarg, 0, 1000000);
			break;
		case O_DEFER: o.defer = (int)parse_number("defer-accept", optarg, 0, 3600); break;
		case O_MPTCP: o.mptcp = true; break;
		case O_MIGRATE: o.migrate = true; break;
		case O_SECONDS: o.seconds_ns = parse_seconds("seconds", optarg, 86400); break;
		case O_HELP: fputs(help, stdout); exit(0);
		default: exit(2);	/* getopt_long() has printed the reason */
		}
	}
	no_more_arguments(argc, argv, optind);
	if (!o.ports)
		usage_error("--port is missing; --help lists the options");
	if (o.ports * o.members > LISTENERS_MAX)
		usage_error("--port, --reuseport: %u ports of %u sockets are more than %d", o.ports,
			    o.members, LISTENERS_MAX);
}

static void open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		fail("signalfd: %s", strerror(errno));
	watch(fd, A_SIGNAL);
}

int main(int argc, char **argv)
{
	tool_name = "listener";
	argv[0] = (char *)tool_name;	/* the name in getopt_long()'s messages */
	parse_options(argc, argv);
	raise_file_limit();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		fail("epoll: %s", strerror(errno));
	open_signals();
	for (unsigned int i = 0; i < o.ports * o.members; i++)
		sockets[i] = listen_on(o.port[i % o.ports]);
	puts("ready");
	fflush(stdout);
	serve();
	printf("{\"accepted\":%llu,\"accept_errors\":%llu,\"ended\":%llu,\"reset\":%llu,\"syn_data\":%llu}\n",
	       (unsigned long long)counts.accepted, (unsigned long long)counts.accept_errors,
	       (unsigned long long)counts.ended, (unsigned long long)counts.reset,
	       (unsigned long long)counts.syn_data);
	return fflush(stdout) ? 1 : 0;
}
