// SPDX-License-Identifier: GPL-2.0-only
/* Numbers as text: see text.h. */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "text.h"

static const u32 synq_powers[] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
};

static const char synq_pairs[] =
	"00010203040506070809101112131415161718192021222324"
	"25262728293031323334353637383940414243444546474849"
	"50515253545556575859606162636465666768697071727374"
	"75767778798081828384858687888990919293949596979899";

/* How many decimal digits has it? Not of 0. */
static unsigned int synq_digits(u32 n)
{
	/* log10(2) is 1233 / 4096, near enough for 32 bits. */
	unsigned int digits = fls(n) * 1233 >> 12;

	return digits + (n >= synq_powers[digits]);
}

static __always_inline char *synq_put_pair(char *p, u32 n)
{
	memcpy(p, &synq_pairs[n * 2], 2);
	return p + 2;
}

/* So many decimal digits, of which the first may be zeros. */
static char *synq_put_digits(char *p, u32 n, unsigned int digits)
{
	char *end = p + digits;

	for (p = end; digits >= 2; digits -= 2, n /= 100) {
		p -= 2;
		synq_put_pair(p, n % 100);
	}
	if (digits)
		*--p = '0' + n;
	return end;
}

/* The decimal digits of 10 and more: up to 20. */
char *synq_put_long(char *p, u64 n)
{
	u32 low;

	/* Most are short, and need no counting of digits. */
	if (n < 100)
		return synq_put_pair(p, n);
	if (n < 10000) {
		p = synq_put_decimal(p, (u32)n / 100);
		return synq_put_pair(p, (u32)n % 100);
	}
	if (n <= U32_MAX)
		return synq_put_digits(p, n, synq_digits(n));
	n = div_u64_rem(n, 1000000000, &low);
	return synq_put_digits(synq_put_decimal(p, n), low, 9);
}

/* As %0*llx: @digits at least, 16 at most. */
char *synq_put_hex(char *p, u64 n, unsigned int digits)
{
	char *end = p + max_t(unsigned int, digits, DIV_ROUND_UP(fls64(n), 4)), *digit = end;

	for (; digit > p; n >>= 4)
		*--digit = "0123456789abcdef"[n & 0xf];
	return end;
}

/* @ns nanoseconds, as seconds.nanoseconds: up to 21 characters. */
char *synq_put_time(char *p, u64 ns)
{
	u32 rem;

	p = synq_put_decimal(p, div_u64_rem(ns, NSEC_PER_SEC, &rem));
	*p++ = '.';
	return synq_put_digits(p, rem, 9);
}
