// SPDX-License-Identifier: GPL-2.0-only
/* The link to the target; link.h documents the functions. */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DISCARD_PORT 9

void link_open(struct link *l, const char *name, int family)
{
	struct ifreq r = { 0 };
	int fd;

	if (!*name || strlen(name) >= sizeof(l->name))
		usage_error("--dev: \"%s\" is not an interface name", name);
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket: %s", strerror(errno));
	if (ioctl(fd, SIOCGIFINDEX, &r))
		usage_error("--dev: \"%s\": %s in this network namespace", name, strerror(errno));
	l->index = r.ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, &r) || !(r.ifr_flags & IFF_UP))
		fail("%s is down: ip link set %s up", name, name);
	if (ioctl(fd, SIOCGIFHWADDR, &r) || r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		usage_error("--dev: \"%s\" is not an Ethernet interface, such as a veth end", name);
	close(fd);
	memcpy(l->mac, r.ifr_hwaddr.sa_data, 6);
	memcpy(l->header + 6, l->mac, 6);
	l->header[12] = (uint8_t)((family == AF_INET ? ETH_P_IP : ETH_P_IPV6) >> 8);
	l->header[13] = (uint8_t)(family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
}

void link_set_target(struct link *l, const uint8_t mac[6])
{
	memcpy(l->header, mac, 6);
}

void parse_mac(const char *option, const char *text, uint8_t mac[6])
{
	unsigned int b[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 || text[end])
		usage_error("--%s: \"%s\" is not a hardware address such as 02:00:00:00:00:01",
			    option, text);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
}

/* Return whether the message is a usable neighbour entry for @target on our interface. */
static bool neighbour_matches(const struct link *l, struct nlmsghdr *h, const struct addr *target,
			      uint8_t mac[6])
{
	struct ndmsg *nd = NLMSG_DATA(h);
	struct rtattr *a = (struct rtattr *)((char *)nd + NLMSG_ALIGN(sizeof(*nd)));
	int len = (int)NLMSG_PAYLOAD(h, sizeof(*nd));
	bool same = false, has_mac = false;

	if (h->nlmsg_type != RTM_NEWNEIGH || nd->ndm_ifindex != l->index ||
	    nd->ndm_state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NONE))
		return false;
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == NDA_DST && RTA_PAYLOAD(a) == addr_len(target))
			same = !memcmp(RTA_DATA(a), target->b, addr_len(target));
		if (a->rta_type == NDA_LLADDR && RTA_PAYLOAD(a) == 6) {
			memcpy(mac, RTA_DATA(a), 6);
			has_mac = true;
		}
	}
	return same && has_mac;
}

static bool neighbour_lookup(const struct link *l, const struct addr *target, uint8_t mac[6])
{
	struct {
		struct nlmsghdr h;
		struct ndmsg nd;
	} req = {
		.h = { .nlmsg_len = sizeof(req), .nlmsg_type = RTM_GETNEIGH,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.nd = { .ndm_family = (uint8_t)target->family },
	};
	static char buf[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool found = false, more = true;

	if (fd < 0 || send(fd, &req, sizeof(req), 0) < 0)
		fail("cannot ask for neighbours: %s", strerror(errno));
	while (more) {
		ssize_t got = recv(fd, buf, sizeof(buf), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)buf;

		if (got <= 0)
			break;
		for (; NLMSG_OK(h, (size_t)got); h = NLMSG_NEXT(h, got)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				more = false;
				break;
			}
			found = found || neighbour_matches(l, h, target, mac);
		}
	}
	close(fd);
	return found;
}

void link_find_target(struct link *l, const struct addr *target)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_storage ss;
	socklen_t len = to_sockaddr(&ss, target, DISCARD_PORT);
	uint8_t mac[6];
	int fd;

	fd = socket(target->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->name, sizeof(l->name)))
		fail("cannot use %s: %s", l->name, strerror(errno));
	for (int i = 0; i < 100; i++) {
		if (neighbour_lookup(l, target, mac)) {
			link_set_target(l, mac);
			close(fd);
			return;
		}
		/* An empty datagram makes the kernel resolve the neighbour for us. */
		if (i % 20 == 0)
			sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&ss, len);
		usleep(30000);
	}
	inet_ntop(target->family, target->b, text, sizeof(text));
	fail("no hardware address for %s on %s: is it on this link and up? If so, give --dst-mac",
	     text, l->name);
}

struct link_losses link_losses(const struct link *l)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "r");
	unsigned long long rx = 0, tx = 0;
	char line[512];
	size_t len = strlen(l->name);

	if (!f)
		return (struct link_losses){ 0 };
	while (fgets(line, sizeof(line), f)) {
		char *p = line + strspn(line, " ");

		/* Eight columns per direction: bytes, packets, errors, dropped and others. */
		if (!strncmp(p, l->name, len) && p[len] == ':' &&
		    sscanf(p + len + 1, "%*s %*s %*s %llu %*s %*s %*s %*s %*s %*s %*s %llu", &rx,
			   &tx) == 2)
			break;
	}
	fclose(f);
	return (struct link_losses){ tx, rx };
}
