package duckdb

// proven is what DuckDB answers as PostgreSQL does, beyond dialect.Base; TestProven runs each entry on both.
//
// Its whole numbers compute within their type, and end the statement where the result does not fit, as PostgreSQL's do; but its
// optimizer makes i > -1 of i + 1 > 0, which no longer can, so +, - and * of them stay with PostgreSQL.
// Its decimals keep all digits of +, - and *, and of sums. Where a date is infinite, or a value needs what PostgreSQL alone has,
// a template throws asksPostgres. What is not here is known to differ (upper of ß, floats that overflow, -0 in the order of
// floats, the text of infinite floats, date_trunc of centuries) or was not tried.
const proven = `
- {int2,int4,int8,numeric}
{int2,int4,int8} / {int2,int4,int8} => $1 // $2 if nonzero 2
{int4,int8} % \1 => $1 % $2 if positive 2
mod({int4,int8},\1) => $1 % $2 if positive 2
abs({int2,int4,int8,numeric})
numeric {+,-,*} numeric
round(numeric,int4) => CAST(round($1, $2) AS $type) if const 2
{int2,int4,int8}::numeric
numeric::numeric()
numeric::{int4,int8,float8,text}
{int2,int4,int8}::{float8,text}
sum({int2,int4}) => CAST(sum($1) AS BIGINT)
sum({int8,numeric})

{float4,float8} {=,<>,<,<=,>,>=} {float4,float8}

text ~~ text => $1 LIKE $2 if plain 2
text !~~ text => $1 NOT LIKE $2 if plain 2
text || text
length(text)
concat(text,text)
{substring,substr}(text,int4,int4) => substring($1, $2, $3) if positive 2, positive 3
{substring,substr}(text,int4) => substring($1, $2) if positive 2
{left,right}(text,int4) if positive 2
{position,strpos}(text,text) => strpos($1, $2)
starts_with(text,text)
replace(text,text,text)
{ltrim,rtrim}(text) => \1($1, ' ')
{ltrim,rtrim}(text,text)
btrim(text) => trim($1, ' ')
btrim(text,text) => trim($1, $2)

{date,timestamp} {<,<=,>,>=,=,<>} {date,timestamp}
date {+,-} int4
date - date => CASE WHEN isinf($1) OR isinf($2) THEN CAST(error('unproven') AS INTEGER) ELSE $1 - $2 END
{date,timestamp} {+,-} interval
timestamp - timestamp
date::timestamp
timestamp::date
extract(text,date) => CASE WHEN isinf($2) THEN CAST(error('unproven') AS $type) ELSE CAST(date_part($1, $2) AS $type) END if one:day|dow|doy|isodow|isoyear|month|quarter|week|year 1
extract(text,timestamp) => CASE WHEN isinf($2) THEN CAST(error('unproven') AS $type) ELSE CAST(date_part($1, $2) AS $type) END if one:day|dow|doy|hour|isodow|isoyear|minute|month|quarter|week|year 1
date_part(text,{date,timestamp}) => CASE WHEN isinf($2) THEN CAST(error('unproven') AS DOUBLE) ELSE CAST(date_part($1, $2) AS DOUBLE) END if one:day|dow|doy|isodow|isoyear|month|quarter|week|year 1
date_trunc(text,timestamp) if one:year|quarter|month|week|day|hour|minute|second 1

{time,uuid,bytea} {=,<>,<,<=,>,>=} \1
{group,order}({time,uuid,bytea})
{min,max}(time)
count(distinct {time,uuid})

{greatest,least}({int4,int8,date,text})
nullif({int4,int8,date,text,numeric})
{bool_and,bool_or}(bool)
every(bool) => bool_and($1)
`
