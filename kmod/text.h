/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text, written at @p where there is known to be room; what is returned is
 * where it ends, and up to SYNQ_TEXT_ROOM after that is touched. A sample's
 * line has some thirty numbers and there is one for each segment: seq_printf()
 * would be most of what a sample costs.
 */
#ifndef SYNQ_TEXT_H
#define SYNQ_TEXT_H

#include <linux/string.h>
#include <linux/types.h>

#define SYNQ_TEXT_ROOM	8

char *synq_put_long(char *p, u64 n);
char *synq_put_hex(char *p, u64 n, unsigned int digits);
char *synq_put_time(char *p, u64 ns);

static __always_inline char *synq_put_char(char *p, char c)
{
	*p = c;
	return p + 1;
}

/* Up to 20 characters. Much of what a line has is 0 or little more. */
static __always_inline char *synq_put_decimal(char *p, u64 n)
{
	return n < 10 ? synq_put_char(p, '0' + n) : synq_put_long(p, n);
}

static inline char *synq_put_word(char *p, const char *word)
{
	while (*word)
		*p++ = *word++;
	return p;
}

#endif /* SYNQ_TEXT_H */
