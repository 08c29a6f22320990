package dialect

// Base are the constructs in which nearly all SQL engines agree with PostgreSQL: comparisons of integers, dates and texts
// that are compared by their bytes, NULLs, counting, and the least and greatest of what has an order. An engine's table
// begins with it and takes away what is otherwise there.
const Base = `
{int2,int4,int8} {=,<>,<,<=,>,>=} {int2,int4,int8}
{int2,int4,int8} is distinct from {int2,int4,int8} => CASE WHEN $1 = $2 THEN FALSE WHEN $1 IS NULL AND $2 IS NULL THEN FALSE ELSE TRUE END
numeric {=,<>,<,<=,>,>=} numeric
{date,timestamp,timestamptz,text,bool} {=,<>} \1
{date,timestamp,timestamptz,text} {<,<=,>,>=} \1

group({int2,int4,int8,numeric,date,timestamp,timestamptz,text,bool})
order({int2,int4,int8,numeric,date,timestamp,timestamptz,text})

count(*)
count({bool,int2,int4,int8,numeric,float4,float8,date,time,timestamp,timestamptz,text,varchar,bpchar,bytea,uuid,json,jsonb})
count(distinct {int2,int4,int8,numeric,date,timestamp,timestamptz,text,varchar})
{min,max}({int2,int4,int8,numeric,date,timestamp,timestamptz,text})

case({bool,int2,int4,int8,numeric,date,timestamp,timestamptz,text,varchar})
coalesce({bool,int2,int4,int8,numeric,date,timestamp,timestamptz,text,varchar})

bool is {true,not true,false,not false,unknown,not unknown}

# A number of a smaller type is the same number of a larger one.
{int2,int4}::int8 => $1
int2::int4 => $1
`
