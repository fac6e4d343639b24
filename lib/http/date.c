/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP dates. The calendar is computed here: no locale, no time zone, no libc in between.
 */
#include "lib/http/date.h"

#include <errno.h>
#include <stdio.h>

#define SECONDS_MAX 253402300799 /* 9999-12-31T23:59:59Z */
#define SECONDS_PER_DAY 86400

static const char day_names[7][10] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil {
	int64_t year;
	unsigned month, day; /* from 1 */
	unsigned hour, minute, second;
};

/* Days since 1970-01-01 of a date of the Gregorian calendar; years start in March here, so that
 * the leap day comes last. */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, struct civil *ret)
{
	int64_t z = days + 719468;
	int64_t era = z / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;
	ret->day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1);
	ret->month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
	ret->year = year_of_era + era * 400 + (ret->month <= 2);
}

void http_date_format(int64_t seconds, char to[HTTP_DATE_SIZE])
{
	struct civil c;

	if (seconds < 0)
		seconds = 0;
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	int64_t days = seconds / SECONDS_PER_DAY;
	unsigned rest = (unsigned)(seconds % SECONDS_PER_DAY);
	civil_from_days(days, &c);
	int n = snprintf(to, HTTP_DATE_SIZE, "%.3s, %02u %s %04u %02u:%02u:%02u GMT",
		day_names[(days + 4) % 7], c.day % 100, month_names[(c.month - 1) % 12],
		(unsigned)c.year % 10000, rest / 3600 % 100, rest / 60 % 60, rest % 60);
	must(n == HTTP_DATE_SIZE - 1);
}

/* The parser takes pieces off the front of the text; each step is false when the piece is not there. */
static bool take_literal(struct str *s, struct str literal)
{
	if (!str_starts(*s, literal))
		return false;
	s->p += literal.len;
	s->len -= literal.len;
	return true;
}

static bool take_number(struct str *s, size_t digits, unsigned *ret)
{
	unsigned v = 0;

	if (s->len < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	s->p += digits;
	s->len -= digits;
	*ret = v;
	return true;
}

static bool take_month(struct str *s, unsigned *ret)
{
	for (unsigned i = 0; i < 12; i++) {
		if (take_literal(s, str_from(month_names[i]))) {
			*ret = i + 1;
			return true;
		}
	}
	return false;
}

static bool take_day_name(struct str *s, bool whole)
{
	for (size_t i = 0; i < 7; i++)
		if (take_literal(s, (struct str){day_names[i], whole ? strlen(day_names[i]) : 3}))
			return true;
	return false;
}

static bool take_time(struct str *s, struct civil *c)
{
	return take_number(s, 2, &c->hour) && take_literal(s, STR(":")) &&
	       take_number(s, 2, &c->minute) && take_literal(s, STR(":")) &&
	       take_number(s, 2, &c->second);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool parse_imf(struct str s, struct civil *c)
{
	unsigned year;
	bool ok = take_day_name(&s, false) && take_literal(&s, STR(", ")) &&
		  take_number(&s, 2, &c->day) && take_literal(&s, STR(" ")) &&
		  take_month(&s, &c->month) && take_literal(&s, STR(" ")) &&
		  take_number(&s, 4, &year) && take_literal(&s, STR(" ")) && take_time(&s, c) &&
		  take_literal(&s, STR(" GMT")) && s.len == 0;
	if (ok)
		c->year = year;
	return ok;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool parse_rfc850(struct str s, int64_t now, struct civil *c)
{
	unsigned year;
	struct civil today;
	bool ok = take_day_name(&s, true) && take_literal(&s, STR(", ")) &&
		  take_number(&s, 2, &c->day) && take_literal(&s, STR("-")) &&
		  take_month(&s, &c->month) && take_literal(&s, STR("-")) &&
		  take_number(&s, 2, &year) && take_literal(&s, STR(" ")) && take_time(&s, c) &&
		  take_literal(&s, STR(" GMT")) && s.len == 0;
	if (!ok)
		return false;
	civil_from_days(now / SECONDS_PER_DAY, &today);
	c->year = today.year - today.year % 100 + year;
	if (c->year > today.year + 50)
		c->year -= 100;
	return true;
}

/* Sun Nov  6 08:49:37 1994 */
static bool parse_asctime(struct str s, struct civil *c)
{
	unsigned year;
	bool ok = take_day_name(&s, false) && take_literal(&s, STR(" ")) &&
		  take_month(&s, &c->month) && take_literal(&s, STR(" ")) &&
		  (take_literal(&s, STR(" ")) ? take_number(&s, 1, &c->day)
					      : take_number(&s, 2, &c->day)) &&
		  take_literal(&s, STR(" ")) && take_time(&s, c) && take_literal(&s, STR(" ")) &&
		  take_number(&s, 4, &year) && s.len == 0;
	if (ok)
		c->year = year;
	return ok;
}

static unsigned days_of_month(int64_t year, unsigned month)
{
	static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && leap ? 29 : days[month - 1];
}

int http_date_parse(struct str text, int64_t now, int64_t *ret_seconds)
{
	struct civil c = {0};

	if (!parse_imf(text, &c) && !parse_rfc850(text, now, &c) && !parse_asctime(text, &c))
		return -EINVAL;
	/* 60 is a leap second; it counts as the first of the next minute. */
	if (c.day < 1 || c.day > days_of_month(c.year, c.month) || c.hour > 23 || c.minute > 59 ||
		c.second > 60)
		return -EINVAL;
	*ret_seconds = days_from_civil(c.year, c.month, c.day) * SECONDS_PER_DAY +
		       (int64_t)c.hour * 3600 + (int64_t)c.minute * 60 + c.second;
	return 0;
}
