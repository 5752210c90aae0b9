/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of all traffic tools: parse an argument, report an error.
 *
 * Every parser takes the option's name, because its error message names the
 * option, the value, and the allowed values. A wrong argument ends the program
 * with status 2, a failure while running with status 1, each with one line.
 */
#ifndef LAB_TOOLS_COMMON_H
#define LAB_TOOLS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NSEC_PER_SEC 1000000000ULL

/* An IPv4 (first 4 bytes) or IPv6 (16 bytes) address, network byte order. */
struct addr {
	int family;
	uint8_t b[16];
};

struct prefix {
	struct addr base;	/* host bits are zero */
	unsigned int len;
};

struct ports {
	uint16_t first, last;
};

extern const char *tool_name;

__attribute__((format(printf, 1, 2), noreturn)) void usage_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *fmt, ...);

uint64_t parse_number(const char *option, const char *text, uint64_t min, uint64_t max);
uint64_t parse_seconds(const char *option, const char *text, double max);	/* in ns */
struct ports parse_ports(const char *option, const char *text);
struct addr parse_addr(const char *option, const char *text);
struct prefix parse_prefix(const char *option, const char *text);
void no_more_arguments(int argc, char **argv, int next);

size_t addr_len(const struct addr *a);
bool prefix_contains(const struct prefix *p, const struct addr *a);
/* Return the number of host addresses of a prefix, at most @cap. */
uint64_t prefix_hosts(const struct prefix *p, uint64_t cap);
/* Return the @n-th host address. */
struct addr prefix_host(const struct prefix *p, uint64_t n);
/* Find the number of the host @a. Return false if it is not one of the first @hosts. */
bool prefix_host_index(const struct prefix *p, uint64_t hosts, const struct addr *a, uint64_t *n);
socklen_t to_sockaddr(struct sockaddr_storage *ss, const struct addr *a, uint16_t port);

uint64_t now_ns(void);
void raise_file_limit(void);

#endif /* LAB_TOOLS_COMMON_H */
