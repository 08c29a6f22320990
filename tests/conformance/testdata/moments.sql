-- Dates, times, time zones, intervals.

-- all
SELECT * FROM moments;

-- date-equal
SELECT k FROM moments WHERE d = '2024-02-29';

-- date-range
SELECT k FROM moments WHERE d >= date '1970-01-01' AND d < date '2024-12-31';

-- date-in
SELECT k FROM moments WHERE d IN ('2000-01-01', '1900-03-01');

-- date-order
SELECT k, d FROM moments ORDER BY d, k;

-- date-against-timestamp
SELECT k FROM moments WHERE d < ts;

-- date-against-timestamptz
SELECT k FROM moments WHERE d <= tz;

-- date-infinity
SELECT k FROM moments WHERE d < 'infinity';

-- date-plus-days
SELECT k, d + 1, d - 1, d + 365 FROM moments;

-- date-minus-date
SELECT k, d - date '2024-01-01' FROM moments;

-- date-minus-date-where
SELECT k FROM moments WHERE d - date '2024-01-01' > 30;

-- date-plus-interval
SELECT k, d + interval '1 month', d - interval '1 year 1 day' FROM moments;

-- date-plus-interval-where
SELECT k FROM moments WHERE d + interval '1 month' > '2024-03-28';

-- date-plus-time
SELECT k, d + t FROM moments;

-- timestamp-equal
SELECT k FROM moments WHERE ts = '2024-12-31 23:59:59.999999';

-- timestamp-less-microsecond
SELECT k FROM moments WHERE ts < '2024-12-31 23:59:59.999999' AND ts > '1970-01-01';

-- timestamp-before-epoch
SELECT k FROM moments WHERE ts < '1970-01-01';

-- timestamp-order
SELECT k, ts FROM moments ORDER BY ts DESC, k;

-- timestamp-minus-timestamp
SELECT k, ts - timestamp '2000-01-01' FROM moments;

-- timestamp-plus-interval
SELECT k, ts + interval '1 month 1 day 01:00', ts - interval '0.5 second' FROM moments;

-- timestamp-interval-where
SELECT k FROM moments WHERE ts + interval '1 day' > timestamp '2024-12-31';

-- timestamp-to-date
SELECT k, ts::date, ts::time FROM moments;

-- timestamp-to-date-where
SELECT k FROM moments WHERE ts::date = '2024-12-31';

-- timestamptz-equal
SELECT k FROM moments WHERE tz = '2024-03-31 03:30:00+02';

-- timestamptz-range
SELECT k FROM moments WHERE tz BETWEEN '2024-01-01 00:00+00' AND '2024-11-01 00:00-05';

-- timestamptz-order
SELECT k, tz FROM moments ORDER BY tz NULLS FIRST, k;

-- timestamptz-zone
SET timezone = 'Europe/Berlin';
SELECT k, tz FROM moments;
SELECT k, tz::date, tz::timestamp, extract(hour FROM tz) FROM moments;

-- timestamptz-zone-where
SET timezone = 'America/New_York';
SELECT k FROM moments WHERE tz >= '2024-12-31';
SELECT k FROM moments WHERE tz::date = '2024-12-31';
SELECT date_trunc('day', tz) AS day, count(*) FROM moments GROUP BY 1;

-- timestamp-against-timestamptz-zone
SET timezone = 'Asia/Kolkata';
SELECT k FROM moments WHERE ts > tz;
SELECT k FROM moments WHERE ts::timestamptz = tz;

-- at-time-zone
SELECT k, tz AT TIME ZONE 'Europe/Berlin', ts AT TIME ZONE 'America/New_York' FROM moments;

-- at-time-zone-offset
SELECT k, tz AT TIME ZONE INTERVAL '+05:30' FROM moments;

-- at-time-zone-where
SELECT k FROM moments WHERE tz AT TIME ZONE 'Europe/Berlin' < '2024-03-31 04:00';

-- at-unknown-zone
SELECT tz AT TIME ZONE 'Nowhere/Nix' FROM moments;

-- date-style
SET datestyle = 'German, DMY';
SELECT k, d, ts, tz FROM moments;

-- interval-style
SET intervalstyle = 'iso_8601';
SELECT k, iv FROM moments;
SELECT k, ts - timestamp '2000-01-01' FROM moments;

-- time-equal
SELECT k FROM moments WHERE t = '12:00';

-- time-less
SELECT k, t FROM moments WHERE t < '12:00' ORDER BY t, k;

-- time-plus-interval
SELECT k, t + interval '13 hours' FROM moments;

-- time-minus-time
SELECT k, t - time '01:00' FROM moments;

-- interval-equal
SELECT k FROM moments WHERE iv = '24 hours'::interval;

-- interval-order
SELECT k, iv FROM moments ORDER BY iv, k;

-- interval-greater
SELECT k FROM moments WHERE iv > '29 days'::interval;

-- interval-arithmetic
SELECT k, iv * 2, iv / 2, -iv, iv + '1 day' FROM moments;

-- interval-sum
SELECT sum(iv), min(iv), max(iv) FROM moments;

-- interval-extract
SELECT k, extract(epoch FROM iv), extract(month FROM iv), extract(day FROM iv) FROM moments;

-- interval-justify
SELECT k, justify_days(iv), justify_hours(iv), justify_interval(iv) FROM moments;

-- extract-date
SELECT k, extract(year FROM d), extract(month FROM d), extract(day FROM d), extract(dow FROM d), extract(doy FROM d) FROM moments;

-- extract-weeks
SELECT k, extract(week FROM d), extract(isoyear FROM d), extract(isodow FROM d), extract(quarter FROM d), extract(century FROM d) FROM moments;

-- extract-time
SELECT k, extract(hour FROM ts), extract(minute FROM ts), extract(second FROM ts), extract(milliseconds FROM ts), extract(microseconds FROM ts) FROM moments;

-- extract-epoch
SELECT k, extract(epoch FROM ts), extract(epoch FROM tz), extract(epoch FROM d), extract(epoch FROM t) FROM moments;

-- date-part
SELECT k, date_part('year', ts), date_part('second', ts) FROM moments;

-- extract-where
SELECT k FROM moments WHERE extract(year FROM ts) = 2024;

-- extract-month-where
SELECT k FROM moments WHERE extract(month FROM d) IN (2, 12);

-- extract-dow-where
SELECT k FROM moments WHERE extract(dow FROM d) = 0;

-- extract-julian
SELECT k, extract(julian FROM d) FROM moments;

-- extract-bad-field
SELECT extract(hour FROM d) FROM moments;

-- trunc-timestamp
SELECT k, date_trunc('hour', ts), date_trunc('month', ts), date_trunc('year', ts), date_trunc('week', ts) FROM moments;

-- trunc-where
SELECT k FROM moments WHERE date_trunc('year', ts) = '2024-01-01';

-- trunc-group
SELECT date_trunc('day', placed) AS day, count(*), sum(amount) FROM sales GROUP BY day;

-- trunc-zone
SELECT k, date_trunc('day', tz, 'Europe/Berlin') FROM moments;

-- trunc-quarter-decade
SELECT k, date_trunc('quarter', ts), date_trunc('decade', ts), date_trunc('milliseconds', ts) FROM moments;

-- date-bin
SELECT k, date_bin('15 minutes', ts, '2001-01-01') FROM moments;

-- age
SELECT k, age(timestamp '2025-01-01', ts) FROM moments;

-- to-char
SELECT k, to_char(ts, 'YYYY-MM-DD HH24:MI:SS.US'), to_char(d, 'Day, DD Mon YYYY'), to_char(ts, 'IYYY-IW') FROM moments;

-- to-date
SELECT id, to_date('2024-' || id, 'YYYY-MM') FROM items WHERE id <= 12;

-- to-timestamp
SELECT k, to_timestamp(k * 86400.5) FROM moments;

-- make
SELECT make_date(2024, id, 1), make_interval(days => id), make_timestamp(2024, id, 2, 3, 4, 5.5) FROM items WHERE id <= 12;

-- make-date-fails
SELECT make_date(2023, 2, 29);

-- overlaps
SELECT k FROM moments WHERE (d, interval '10 days') OVERLAPS (date '2024-12-25', date '2025-01-02');

-- month-end
SELECT k, (date_trunc('month', d) + interval '1 month - 1 day')::date FROM moments;

-- min-max
SELECT min(d), max(d), min(t), max(t), min(ts), max(ts), min(tz), max(tz) FROM moments;

-- count-distinct-dates
SELECT count(DISTINCT d), count(DISTINCT ts), count(DISTINCT tz) FROM moments;

-- group-by-date
SELECT ts::date, count(*) FROM moments GROUP BY 1;

-- current-date
SELECT count(*) FROM moments WHERE d < current_date;

-- now
SELECT count(*) FROM moments WHERE tz < now();

-- now-interval
SELECT count(*) FROM moments WHERE ts > now() - interval '300 years';

-- clock-in-transaction
BEGIN;
SELECT now() = transaction_timestamp(), current_timestamp = now() FROM moments WHERE k = 1;
COMMIT;

-- date-cast-text
SELECT k, d::text, t::text, ts::text, tz::text, iv::text FROM moments;

-- date-cast-text-where
SELECT k FROM moments WHERE d::text LIKE '2024-%';

-- timestamp-precision
SELECT k, ts::timestamp(0), ts::timestamp(3), t::time(1), tz::timestamptz(2) FROM moments;

-- bad-date
SELECT k FROM moments WHERE d = '2024-02-30';

-- date-out-of-range
SELECT d + 2147483647 FROM moments;

-- generate-series-of-dates
SELECT s::date, count(o.oid) FROM generate_series(date '2024-02-27', date '2024-03-10', interval '1 day') AS s LEFT JOIN sales AS o ON o.placed >= s AND o.placed < s + interval '1 day' GROUP BY s;

-- time-zone-of-time
SELECT k, t AT TIME ZONE 'UTC' FROM moments WHERE k < 4;

-- between-timestamps
SELECT oid FROM sales WHERE placed BETWEEN '2024-02-28' AND '2024-02-29 12:00';

-- order-by-extract
SELECT oid FROM sales ORDER BY extract(hour FROM placed), oid;
