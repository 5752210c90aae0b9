// SPDX-License-Identifier: GPL-2.0-only
/* Functions of all traffic tools; common.h documents them. */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

const char *tool_name = "tool";

static void complain(const char *fmt, va_list ap)
{
	fprintf(stderr, "%s: ", tool_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	exit(2);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	exit(1);
}

/* Parse digits only: strtoull() also accepts signs, blanks and an empty string. */
static bool digits_to_number(const char *text, size_t len, uint64_t *value)
{
	uint64_t v = 0;

	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*value = v;
	return true;
}

uint64_t parse_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t v;

	if (!digits_to_number(text, strlen(text), &v) || v < min || v > max)
		usage_error("--%s: \"%s\" is not a whole number from %llu to %llu", option, text,
			    (unsigned long long)min, (unsigned long long)max);
	return v;
}

uint64_t parse_seconds(const char *option, const char *text, double max)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v) || v < 0 || v > max)
		usage_error("--%s: \"%s\" is not a number of seconds from 0 to %g", option, text,
			    max);
	return (uint64_t)(v * (double)NSEC_PER_SEC);
}

struct ports parse_ports(const char *option, const char *text)
{
	const char *dash = strchr(text, '-');
	size_t first_len = dash ? (size_t)(dash - text) : strlen(text);
	const char *last_text = dash ? dash + 1 : text;
	size_t last_len = dash ? strlen(last_text) : first_len;
	uint64_t first, last;

	if (!digits_to_number(text, first_len, &first) ||
	    !digits_to_number(last_text, last_len, &last) ||
	    first < 1 || last > 65535 || first > last)
		usage_error("--%s: \"%s\" is not a port or a range of ports from 1 to 65535, such as 80 or 8000-8007",
			    option, text);
	return (struct ports){ (uint16_t)first, (uint16_t)last };
}

struct addr parse_addr(const char *option, const char *text)
{
	struct addr a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(a.family, text, a.b) != 1)
		usage_error("--%s: \"%s\" is not an IPv4 or IPv6 address", option, text);
	return a;
}

struct prefix parse_prefix(const char *option, const char *text)
{
	const char *slash = strchr(text, '/');
	char host[INET6_ADDRSTRLEN];
	struct prefix p = { 0 };
	size_t len = slash ? (size_t)(slash - text) : 0;
	uint64_t bits;

	if (!slash || len >= sizeof(host))
		usage_error("--%s: \"%s\" is not a prefix such as 198.18.0.0/15", option, text);
	memcpy(host, text, len);
	host[len] = '\0';
	p.base = parse_addr(option, host);
	if (!digits_to_number(slash + 1, strlen(slash + 1), &bits) || bits > addr_len(&p.base) * 8)
		usage_error("--%s: \"%s\": the prefix length must be a whole number from 0 to %zu",
			    option, text, addr_len(&p.base) * 8);
	p.len = (unsigned int)bits;

	for (size_t bit = bits; bit < addr_len(&p.base) * 8; bit++)
		if (p.base.b[bit / 8] & (0x80 >> (bit % 8)))
			usage_error("--%s: \"%s\" has bits set to the right of /%u", option, text,
				    p.len);
	return p;
}

void no_more_arguments(int argc, char **argv, int next)
{
	if (next < argc)
		usage_error("\"%s\" is not an option; --help lists the options", argv[next]);
}

size_t addr_len(const struct addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	if (a->family != p->base.family)
		return false;
	for (unsigned int bit = 0; bit < p->len; bit++)
		if ((a->b[bit / 8] ^ p->base.b[bit / 8]) & (0x80 >> (bit % 8)))
			return false;
	return true;
}

/*
 * Return the number of the first usable host. The all-zeros host is the network
 * (IPv4) or the subnet-router anycast address (RFC 4291, 2.6.1), the all-ones
 * host of IPv4 a broadcast. A prefix with four addresses or more skips them.
 */
static uint64_t first_host(const struct prefix *p)
{
	return addr_len(&p->base) * 8 - p->len >= 2;
}

uint64_t prefix_hosts(const struct prefix *p, uint64_t cap)
{
	unsigned int bits = (unsigned int)addr_len(&p->base) * 8 - p->len;
	uint64_t hosts;

	if (bits >= 63)
		return cap;
	hosts = 1ULL << bits;
	if (first_host(p))
		hosts -= p->base.family == AF_INET ? 2 : 1;
	return hosts < cap ? hosts : cap;
}

/* Host numbers fit into 63 bits, and the base's host bits are 0, so OR adds them. */
struct addr prefix_host(const struct prefix *p, uint64_t n)
{
	struct addr a = p->base;
	size_t last = addr_len(&a) - 1;

	n += first_host(p);
	for (size_t i = 0; n; i++, n >>= 8)
		a.b[last - i] |= (uint8_t)n;
	return a;
}

bool prefix_host_index(const struct prefix *p, uint64_t hosts, const struct addr *a, uint64_t *n)
{
	size_t len = addr_len(a);
	uint64_t low = 0;
	struct addr again;

	if (a->family != p->base.family)
		return false;
	for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
		low = low << 8 | (uint8_t)(a->b[i] ^ p->base.b[i]);
	low -= first_host(p);
	if (low >= hosts)
		return false;
	again = prefix_host(p, low);
	*n = low;
	return !memcmp(again.b, a->b, len);
}

socklen_t to_sockaddr(struct sockaddr_storage *ss, const struct addr *a, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = (sa_family_t)a->family;
	if (a->family == AF_INET) {
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->b, 4);
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->b, 16);
	return sizeof(*in6);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Raise the limit of open files: to fs.nr_open as root, else to the hard limit. */
void raise_file_limit(void)
{
	FILE *f = fopen("/proc/sys/fs/nr_open", "r");
	unsigned long long most = 0;
	struct rlimit r;

	if (f) {
		if (fscanf(f, "%llu", &most) != 1)
			most = 0;
		fclose(f);
	}
	r.rlim_cur = r.rlim_max = (rlim_t)most;
	if (most && !setrlimit(RLIMIT_NOFILE, &r))
		return;
	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}
