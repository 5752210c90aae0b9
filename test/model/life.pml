/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One life of a half-open, in all interleavings of what can happen to it:
 * kmod/life.h. A run begins with the request unhashed and ends when every
 * process has ended; then it has been counted once as added or found, and once
 * as ended unless it is still hashed.
 *
 * Spin steps are sequentially consistent. That is enough: each life depends on
 * one word and changes it by compare-and-exchange, which orders all changes of
 * one word on every machine.
 *
 * A hook is called at the entry of a function: between a hook and what the
 * function does anything may happen.
 */

mtype = { NOKEY, COUNTED, ICMP, MOVING, GONE, EARLY };
mtype = { COMPLETED, EXPIRED, RESET, UNREACHABLE };

#define REQ	0	/* the request */
#define CLONE	1	/* what the timer makes of it for another listener */

#define LOADER	0	/* processes: the loader, and sections with bottom halves off */
#define ADDER	1
#define TIMER	2
#define ACK	3
#define RST	4
#define ERROR	5

mtype word[2] = NOKEY;	/* what an earlier life left has no key */
mtype early;		/* the outcome with EARLY */
bool hashed[2];
byte refs[2];
bool inside[6];	/* a section */
bool timed = true;
bool begun, ends_hooked, adds_hooked;

byte in, out;		/* times counted */
bool rst_came, error_came, ack_won, gave_up;
bool note;		/* of the timer's CPU: it may have moved the request */
bool moved;		/* the kernel has counted a move there */
bool overtaken;		/* an end was counted, and then the clone took its place */


inline count_out(how)
{
	out++;
	assert(out <= in);
	assert(how != COMPLETED || ack_won);
	assert(how != EXPIRED || gave_up);
	assert(how != RESET || rst_came || error_came);
	assert(how != UNREACHABLE || error_came)
}

/* synq_life_begin(): @r's SYN-ACK */
inline begin(r)
{
	atomic {
		if
		:: word[r] == NOKEY -> word[r] = COUNTED; in++
		:: word[r] == EARLY -> word[r] = GONE; in++; count_out(early)
		:: else
		fi
	}
}

/* synq_life_find() */
inline find(r)
{
	atomic {
		if
		:: word[r] == NOKEY -> word[r] = COUNTED; in++
		:: else
		fi
	}
}

/* synq_life_move_end() */
inline move_end()
{
	atomic {
		if
		:: note && word[REQ] == MOVING ->
			if
			:: moved -> word[REQ] = GONE
			:: else -> word[REQ] = COUNTED
			fi
		:: else
		fi;
		note = false
	}
}

/* synq_life_end(): @seen may be old by the time of the exchange. */
inline end(r, outcome)
{
	do
	:: atomic {
		seen = word[r];
		if
		:: seen == GONE || seen == EARLY ||
		   (seen == MOVING && r == REQ && outcome != COMPLETED) -> break
		:: else
		fi
	   }
	   atomic {
		if
		:: word[r] != seen	/* another CPU was faster: once more */
		:: word[r] == seen && seen == NOKEY ->
			word[r] = EARLY; early = outcome; break
		:: word[r] == seen && seen != NOKEY ->
			word[r] = GONE;
			if
			:: seen == ICMP && outcome != COMPLETED -> count_out(UNREACHABLE)
			:: else -> count_out(outcome)
			fi;
			break
		fi
	   }
	od
}

/* The end of a section. What it saw makes no difference any more. */
inline leave(proc)
{
	atomic { inside[proc] = false; seen = 0; last = false; r = 0; found = false }
}

/* The hook of a removal; one in a while is missed. */
inline removal_hook(r, outcome)
{
	if
	:: ends_hooked && hashed[r] -> end(r, outcome)
	:: true
	fi
}

/* Take it out of the hash, whoever comes first. */
inline unlink(r)
{
	atomic {
		if
		:: hashed[r] -> hashed[r] = false; refs[r]--
		:: else
		fi
	}
}

/* The destructor runs with the last reference. If its timer has fired, it has expired. */
inline put(r)
{
	atomic {
		refs[r]--;
		last = refs[r] == 0
	}
	if
	:: last && ends_hooked ->
		if
		:: r == REQ && word[REQ] == MOVING -> move_end()
		:: else
		fi;
		if
		:: word[r] == COUNTED || word[r] == ICMP || (r == CLONE && word[r] == MOVING) ->
			if
			:: gave_up -> end(r, EXPIRED)
			:: !gave_up -> end(r, RESET)
			fi
		:: else
		fi
	:: else
	fi
}

/* The destructor of a clone that was not hashed; whether references are left differs. */
inline free_clone()
{
	if
	:: ends_hooked && note && !moved && word[CLONE] == MOVING -> word[CLONE] = GONE
	:: ends_hooked && !(note && !moved) &&
	   (word[CLONE] == COUNTED || word[CLONE] == ICMP || word[CLONE] == MOVING) ->
		end(CLONE, EXPIRED)
	:: else
	fi
}

/* Look it up in the hash, and hold it. */
inline look_up(proc)
{
	atomic {
		inside[proc] = true;
		if
		:: hashed[REQ] -> r = REQ; refs[REQ]++; found = true
		:: !hashed[REQ] && hashed[CLONE] -> r = CLONE; refs[CLONE]++; found = true
		:: else -> found = false
		fi;
		rst_came = rst_came || (found && proc == RST);
		error_came = error_came || (found && proc == ERROR)
	}
}

proctype adder()
{
	mtype seen;
	bool last, found;
	byte r;

	inside[ADDER] = true;
	/* Held by the hash, the timer, and us. */
	atomic { hashed[REQ] = true; refs[REQ] = (timed -> 3 : 2); begun = true }
	if
	:: adds_hooked -> begin(REQ); assert(in == 1)
	:: else
	fi;
	put(REQ);
	leave(ADDER)
}

proctype rst()
{
	mtype seen;
	bool last, found;
	byte r;

	look_up(RST);
	if
	:: found ->
		removal_hook(r, RESET);
		unlink(r);
		put(r)
	:: else
	fi;
	leave(RST)
}

proctype error()
{
	mtype seen;
	bool last, found;
	byte r;

	look_up(ERROR);
	if
	:: found ->
		/* synq_life_icmp() */
		if
		:: ends_hooked ->
			atomic {
				if
				:: word[r] == COUNTED -> word[r] = ICMP
				:: else
				fi
			}
		:: else
		fi;
		removal_hook(r, UNREACHABLE);
		unlink(r);
		put(r)
	:: else
	fi;
	leave(ERROR)
}

proctype ack()
{
	mtype seen;
	bool last, found, own;
	byte r;

	look_up(ACK);
	if
	:: found ->
		/* inet_ehash_insert(child, req): the child takes its place. */
		atomic {
			own = hashed[r];
			if
			:: own -> hashed[r] = false; refs[r]--; ack_won = true
			:: else
			fi
		}
		if
		:: own && ends_hooked -> end(r, COMPLETED)
		:: else
		fi;
		put(r)
	:: else
	fi;
	own = false;
	leave(ACK)
}

proctype timer()
{
	mtype seen;
	bool last, done, found;
	byte r;

	atomic { begun -> inside[TIMER] = true }
	/* A request whose timer another CPU deletes is as one whose timer comes last. */
	if
	:: true	/* its listener listens, or there is no group */
	:: true ->
		/* synq_life_move() */
		do
		:: ends_hooked ->
		   atomic {
			seen = word[REQ];
			if
			:: seen == GONE || seen == EARLY -> break
			:: else
			fi
		   }
		   atomic {
			if
			:: word[REQ] != seen
			:: word[REQ] == seen ->
				word[REQ] = MOVING;
				note = true;
				if
				:: seen == NOKEY -> in++
				:: else
				fi;
				break
			fi
		   }
		:: !ends_hooked -> break
		od;
		if
		:: true	/* no other listener, or no memory */
		:: true ->
			word[CLONE] = word[REQ];
			if
			:: true -> free_clone()	/* given up before it is hashed */
			:: true ->
				/* inet_ehash_insert(clone, req) */
				atomic {
					done = hashed[REQ];
					if
					:: done ->
						hashed[REQ] = false; refs[REQ]--;
						hashed[CLONE] = true; refs[CLONE] = 2;
						overtaken = word[CLONE] == GONE || word[CLONE] == EARLY
					:: else
					fi
				}
				if
				:: done -> moved = true
				/* A clone that was not hashed is removed all the same, and freed. */
				:: !done -> removal_hook(CLONE, EXPIRED); free_clone()
				fi
			fi
		fi
	fi;
	if
	:: done ->
		put(REQ);
		put(CLONE)	/* the timer of the clone may come any time later */
	:: else ->
		gave_up = true;
		if
		:: ends_hooked && hashed[REQ] -> move_end(); end(REQ, EXPIRED)
		:: true	/* missed */
		fi;
		unlink(REQ);
		put(REQ)
	fi;
	leave(TIMER)
}

/* synchronize_rcu(): sections that have begun end. */
inline synchronize()
{
	!inside[ADDER]; !inside[TIMER]; !inside[ACK]; !inside[RST]; !inside[ERROR]
}

proctype loader()
{
	ends_hooked = true;
	synchronize();
	adds_hooked = true;
	synchronize();
	/* Under the lock of the bucket. */
	atomic {
		if
		:: hashed[REQ] -> find(REQ)
		:: else
		fi;
		if
		:: hashed[CLONE] -> find(CLONE)
		:: else
		fi
	}
}

init
{
	bool present;

	atomic {
		run loader(); run adder();
		/* Three at most: a fourth finds the word as one of them left it. */
		if
		:: run timer(); run ack(); run rst()
		:: run timer(); run rst(); run error()
		:: timed = false; run ack(); run rst(); run error()
		fi;
		}
	_nr_pr == 1;
	present = hashed[REQ] || hashed[CLONE];
	assert(in <= 1 && out <= in);
	if
	:: !present -> assert(in == out)
	:: present && hashed[CLONE] && overtaken -> assert(in == out)
	:: else -> assert(in == 1 && out == 0)
	fi
}
