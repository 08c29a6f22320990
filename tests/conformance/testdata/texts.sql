-- Texts: order, comparison, Unicode, LIKE, regular expressions, functions. The collation is C.UTF-8: bytes.

-- order
SELECT k, s FROM texts ORDER BY s, k;

-- order-desc
SELECT k, s FROM texts ORDER BY s DESC, k;

-- order-folded
SELECT k, s FROM folded ORDER BY s, k;

-- order-limit
SELECT s FROM texts ORDER BY s LIMIT 12;

-- equal
SELECT k FROM texts WHERE s = 'a';

-- equal-trailing-blank
SELECT k FROM texts WHERE s = 'a ';

-- equal-folded
SELECT k FROM folded WHERE s = 'a';

-- equal-empty
SELECT k FROM texts WHERE s = '';

-- equal-composed
SELECT k FROM texts WHERE s = 'ä';

-- equal-sharp-s
SELECT k FROM folded WHERE s = 'ss';

-- equal-wide
SELECT k FROM texts WHERE s = '日本';

-- equal-emoji
SELECT k FROM texts WHERE s = '😀';

-- equal-quote
SELECT k FROM texts WHERE s = '''';

-- equal-backslash
SELECT k FROM texts WHERE s = '\';

-- equal-escape-string
SELECT k FROM texts WHERE s = E'a\nb' OR s = E'a\tb';

-- equal-number-like
SELECT k FROM texts WHERE s = '1';

-- less
SELECT k FROM texts WHERE s < 'a';

-- less-folded
SELECT k FROM folded WHERE s < 'a';

-- greater-unicode
SELECT k FROM texts WHERE s > 'é';

-- greater-bmp
SELECT k, s FROM texts WHERE s >= '日' ORDER BY s, k;

-- between
SELECT k FROM texts WHERE s BETWEEN 'A' AND 'a';

-- in
SELECT k FROM texts WHERE s IN ('a', 'A', 'ß', '😀');

-- in-folded
SELECT k FROM folded WHERE s IN ('a', 'É');

-- not-equal
SELECT count(*) FROM texts WHERE s <> 'a';

-- collate-c
SELECT k FROM texts WHERE s COLLATE "C" < 'B' ORDER BY s COLLATE "C", k;

-- like-prefix
SELECT k FROM texts WHERE s LIKE 'a%';

-- like-suffix
SELECT k FROM texts WHERE s LIKE '%b';

-- like-infix
SELECT k FROM texts WHERE s LIKE '%o%g%';

-- like-one
SELECT k FROM texts WHERE s LIKE '_';

-- like-two
SELECT k FROM texts WHERE s LIKE '__';

-- like-escaped-percent
SELECT k FROM texts WHERE s LIKE '%\%%';

-- like-escaped-underscore
SELECT k FROM texts WHERE s LIKE '%\_%';

-- like-own-escape
SELECT k FROM texts WHERE s LIKE '%!%%' ESCAPE '!';

-- like-no-escape
SELECT k FROM texts WHERE s LIKE 'a\b' ESCAPE '';

-- like-backslash
SELECT k FROM texts WHERE s LIKE '%\\%';

-- like-exact
SELECT k FROM texts WHERE s LIKE 'A';

-- like-case
SELECT k FROM folded WHERE s LIKE 'a%';

-- like-everything
SELECT count(*) FROM texts WHERE s LIKE '%';

-- like-empty
SELECT k FROM texts WHERE s LIKE '';

-- like-column
SELECT a.k, b.k FROM texts AS a JOIN texts AS b ON a.s LIKE b.s || '%' WHERE a.k < 15 AND b.k < 15;

-- like-bad-escape
SELECT k FROM texts WHERE s LIKE 'a\';

-- not-like
SELECT k FROM texts WHERE s NOT LIKE '%a%';

-- ilike
SELECT k FROM texts WHERE s ILIKE 'A%';

-- ilike-unicode
SELECT k FROM texts WHERE s ILIKE 'Ä';

-- ilike-kelvin-like
SELECT k FROM texts WHERE s ILIKE 'i';

-- like-newline
SELECT k FROM texts WHERE s LIKE 'a_b';

-- starts-with
SELECT k FROM texts WHERE starts_with(s, 'a');

-- starts-with-operator
SELECT k FROM texts WHERE s ^@ 'lon';

-- regex
SELECT k FROM texts WHERE s ~ '^[a-c]';

-- regex-insensitive
SELECT k FROM texts WHERE s ~* '^[a-c]$';

-- regex-not
SELECT count(*) FROM texts WHERE s !~ '[0-9]';

-- regex-class
SELECT k FROM texts WHERE s ~ '^[[:digit:]]+$';

-- regex-anchor-newline
SELECT k FROM texts WHERE s ~ 'a$';

-- regex-invalid
SELECT k FROM texts WHERE s ~ '(';

-- similar
SELECT k FROM texts WHERE s SIMILAR TO '(a|b)_?%';

-- regexp-replace
SELECT k, regexp_replace(s, '[aeiou]', '*', 'g') FROM texts WHERE k < 40;

-- regexp-match
SELECT id, regexp_match(name, '([a-z]+) (\d+)') FROM items WHERE id < 10;

-- regexp-split
SELECT id, regexp_split_to_array(name, ' ') FROM items WHERE id < 4;

-- length
SELECT k, length(s), octet_length(s), bit_length(s), char_length(s) FROM texts;

-- length-in-where
SELECT k FROM texts WHERE length(s) = 1;

-- octets-in-where
SELECT k FROM texts WHERE octet_length(s) > 2;

-- lower
SELECT k, lower(s) FROM texts WHERE s !~ '[^ -~]';

-- upper
SELECT k, upper(s) FROM texts WHERE s !~ '[^ -~]';

-- lower-unicode
SELECT k, lower(s), upper(s) FROM texts;

-- lower-in-where
SELECT k FROM texts WHERE lower(s) = 'ä';

-- upper-in-where
SELECT k FROM texts WHERE upper(s) = 'SS' OR upper(s) = 'Σ';

-- initcap
SELECT id, initcap(name) FROM items WHERE id < 8;

-- substring
SELECT k, substring(s from 2), substring(s from 1 for 2), substr(s, 2, 1) FROM texts;

-- substring-negative
SELECT k, substring(s from -1 for 3), substr(s, 0, 2) FROM texts WHERE k < 20;

-- substring-negative-length
SELECT substring(s from 1 for -1) FROM texts WHERE k = 7;

-- substring-in-where
SELECT k FROM texts WHERE substring(s from 1 for 1) = '日';

-- substring-regex
SELECT id, substring(name from '[0-9]+') FROM items WHERE id < 5;

-- left-right
SELECT k, left(s, 2), right(s, 1), left(s, -1), right(s, -1) FROM texts;

-- position
SELECT k, position('b' in s), strpos(s, '日') FROM texts;

-- trim
SELECT k, trim(s), ltrim(s), rtrim(s), btrim(s, 'ab') FROM texts;

-- trim-in-where
SELECT k FROM texts WHERE trim(s) = 'a';

-- pad
SELECT k, lpad(s, 4, '*'), rpad(s, 3) FROM texts WHERE k < 30;

-- concat-operator
SELECT k, s || '-' || k FROM texts WHERE k < 30;

-- concat-null
SELECT k, s || NULL, concat(s, NULL, '!'), concat_ws(',', s, NULL, 'x') FROM texts WHERE k IN (1, 3, 47);

-- concat-in-where
SELECT k FROM texts WHERE s || s = 'aa';

-- replace
SELECT k, replace(s, 'a', 'xy') FROM texts;

-- translate
SELECT k, translate(s, 'abä', 'x') FROM texts;

-- repeat-reverse
SELECT k, repeat(s, 2), reverse(s) FROM texts WHERE k < 30;

-- split-part
SELECT id, split_part(name, ' ', 2), split_part(name, ' ', -1) FROM items WHERE id < 6;

-- ascii-chr
SELECT k, ascii(s), chr(ascii(s)) FROM texts WHERE s <> '' AND k < 40;

-- md5
SELECT k, md5(s) FROM texts;

-- encode
SELECT k, encode(convert_to(s, 'UTF8'), 'hex') FROM texts;

-- to-hex
SELECT id, to_hex(id), to_hex(qty) FROM items WHERE id < 20;

-- format
SELECT format('%s-%I-%L', id, name, note) FROM items WHERE id < 10;

-- quote
SELECT quote_literal(s), quote_ident(s) FROM texts;

-- overlay
SELECT overlay(name placing '##' from 2 for 3) FROM items WHERE id < 6;

-- string-to-array
SELECT k, string_to_array(s, ' ') FROM texts WHERE k < 12;

-- char-padding
SELECT s::char(3), s::char(3) = 'a' FROM texts WHERE k IN (3, 9, 10);

-- varchar-cut
SELECT s::varchar(2) FROM texts WHERE length(s) > 2 AND k < 50;

-- text-to-integer
SELECT s::int FROM texts WHERE s ~ '^\d+$';

-- text-to-integer-fails
SELECT s::int FROM texts;

-- text-to-boolean
SELECT s::boolean FROM texts WHERE s = 'true';

-- text-to-date
SELECT s::date FROM texts WHERE s LIKE '2024%';

-- nul-fails
SELECT chr(0);

-- normalize
SELECT k, normalize(s, NFC) = 'ä', s IS NFC NORMALIZED FROM texts;

-- unicode-escape
SELECT k FROM texts WHERE s = U&'\00E4';

-- min-by-case
SELECT lower(left(name, 1)) AS c, min(name), max(name) FROM items GROUP BY c ORDER BY c;
