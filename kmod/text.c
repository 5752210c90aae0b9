// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers as text: see text.h. These functions compute eight digits at once, one
 * in each byte of a word, the first in the lowest byte.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "text.h"

#define SYNQ_ZEROS	0x3030303030303030ULL	/* "00000000" */

/* Return the decimal digits of @n, which is below 10^8. */
static __always_inline u64 synq_decimal(u32 n)
{
	/* Split into 2 x 4, 4 x 2, then 8 x 1 digits; x / 100 is x * 5243 >> 19 up to 10^4. */
	u64 x = n / 10000 | (u64)(n % 10000) << 32;
	u64 q = (x * 5243 >> 19) & 0x0000007f0000007fULL;

	x = q | (x - q * 100) << 16;
	/* x / 10 is x * 103 >> 10 up to 100. */
	q = (x * 103 >> 10) & 0x000f000f000f000fULL;
	return q | (x - q * 10) << 8;
}

/* Return the hexadecimal digits of @n. */
static __always_inline u64 synq_hex(u32 n)
{
	u64 x = swab32(n);

	x = (x | x << 16) & 0x0000ffff0000ffffULL;
	x = (x | x << 8) & 0x00ff00ff00ff00ffULL;
	return (x >> 4 & 0x000f000f000f000fULL) | (x & 0x000f000f000f000fULL) << 8;
}

/* Write eight digits of text without the first @skip. */
static __always_inline char *synq_put_digits(char *p, u64 text, unsigned int skip)
{
	__le64 from = cpu_to_le64(text >> 8 * skip);

	memcpy(p, &from, sizeof(from));
	return p + sizeof(from) - skip;
}

/* Return how many of eight digits are leading zeros. @digits is not 0. */
static __always_inline unsigned int synq_leading(u64 digits)
{
	return __ffs64(digits) / 8;
}

/* Write @n, 10 or more, in decimal: up to 20 digits. */
char *synq_put_long(char *p, u64 n)
{
	u64 digits;
	u32 low;

	if (n < 100000000) {
		digits = synq_decimal(n);
		return synq_put_digits(p, digits + SYNQ_ZEROS, synq_leading(digits));
	}
	n = div_u64_rem(n, 100000000, &low);
	return synq_put_digits(synq_put_decimal(p, n), synq_decimal(low) + SYNQ_ZEROS, 0);
}

/* Write @n as %0*llx does, with at least @digits digits, 1 to 16. */
char *synq_put_hex(char *p, u64 n, unsigned int digits)
{
	unsigned int skip = 8 - min_t(unsigned int, digits, 8);
	u64 low = synq_hex(n);
	/* Add 39 to each digit above 9, which makes it a letter. */
	u64 text = low + SYNQ_ZEROS + ((low + 0x0606060606060606ULL) >> 4 & 0x0101010101010101ULL) * 39;

	if (n > U32_MAX || digits > 8)
		return synq_put_digits(synq_put_hex(p, n >> 32, digits > 8 ? digits - 8 : 1), text, 0);
	return synq_put_digits(p, text, low ? min(skip, synq_leading(low)) : skip);
}

/* Write @ns nanoseconds as seconds.nanoseconds: up to 21 characters. */
char *synq_put_time(char *p, u64 ns)
{
	u32 rem;

	p = synq_put_decimal(p, div_u64_rem(ns, NSEC_PER_SEC, &rem));
	*p++ = '.';
	*p++ = '0' + rem / 100000000;
	return synq_put_digits(p, synq_decimal(rem % 100000000) + SYNQ_ZEROS, 0);
}
