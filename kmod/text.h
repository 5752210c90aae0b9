/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Write text at @p, and return where it ends. The caller provides the room, with
 * SYNQ_TEXT_ROOM bytes after the end, which may be overwritten. A segment's
 * sample prints some thirty numbers: seq_printf() would be most of its cost.
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

/* Write up to 20 characters. Many numbers of a line have one digit. */
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
