/* SPDX-License-Identifier: GPL-2.0-only */
/* The link to the target: an interface, the target's hardware address, lost frames. */
#ifndef LAB_TOOLS_LINK_H
#define LAB_TOOLS_LINK_H

#include "common.h"

struct link {
	char name[16];
	int index;
	uint8_t mac[6];
	uint8_t header[14];	/* of frames sent: MAC of the target, own MAC, type */
};

void link_open(struct link *l, const char *name, int family);
/* Find the target's hardware address in the neighbour table, or ask the target. */
void link_find_target(struct link *l, const struct addr *target);
void link_set_target(struct link *l, const uint8_t mac[6]);
void parse_mac(const char *option, const char *text, uint8_t mac[6]);
/*
 * Frames lost between the two ends of a veth because the receiving CPU's
 * backlog was full. veth_xmit() (drivers/net/veth.c) returns success for these
 * too. The sending end counts them as tx dropped, the receiving end as rx
 * dropped (enqueue_to_backlog() in net/core/dev.c).
 */
struct link_losses {
	uint64_t tx_dropped, rx_dropped;
};

struct link_losses link_losses(const struct link *l);

#endif /* LAB_TOOLS_LINK_H */
