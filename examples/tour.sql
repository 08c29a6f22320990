-- A tour of predict(). Run it with psql from the root of the repository, through the proxy, after load.sql:
--   psql -f examples/tour.sql
-- `make demo` does all of this. Running it again is fine.
\set ON_ERROR_STOP on
\set QUIET on
\pset pager off
\pset null '(null)'
SET client_min_messages = warning;
DROP MODEL IF EXISTS mph;
DROP MODEL IF EXISTS malignant CASCADE;
DROP MODEL IF EXISTS meaning CASCADE;
RESET client_min_messages;
\pset format wrapped
\pset columns 130
\set QUIET off
\set ECHO queries

\echo
\echo '=== A model is a component: its file is kept, its signature is read from it'
CREATE MODEL late FROM 'examples/flights/late.onnx' USING onnx;
DESCRIBE MODEL late;

\echo
\echo '=== Will these flights arrive more than 15 minutes late?'
SELECT carrier, flight, origin, dest, dep_delay, predict('late', dep_delay, distance, hour, month) AS late
FROM flights ORDER BY time_hour, carrier, flight, origin LIMIT 10;

\echo
\echo '=== A filter: flights of March that left half an hour late or more and will still make it'
SELECT carrier, flight, origin, dest, dep_delay, arr_delay
FROM flights
WHERE month = 3 AND dep_delay > 30 AND predict('late', dep_delay, distance, hour, month) = 0
ORDER BY time_hour, carrier, flight, origin LIMIT 10;

\echo
\echo '=== A join: flights to Honolulu with the names of their airlines, and what happened'
SELECT a.airline, f.dep_delay, predict('late', f.dep_delay, f.distance, f.hour, f.month) AS late, f.arr_delay
FROM flights f JOIN (VALUES ('HA', 'Hawaiian'), ('UA', 'United')) AS a (carrier, airline) USING (carrier)
WHERE f.dest = 'HNL' AND f.month = 7 ORDER BY f.time_hour, f.flight LIMIT 8;

\echo
\echo '=== A cancelled flight has no delay: NULL in, NULL out, and no call'
SELECT carrier, flight, dep_delay, predict('late', dep_delay, distance, hour, month) AS late
FROM flights WHERE dep_delay IS NULL ORDER BY time_hour, carrier, flight, origin LIMIT 3;

\echo
\echo '=== Parameters: a flight of 1,400 miles at 17:00 in July, by its departure delay'
PREPARE p(int) AS SELECT predict('late', $1, 1400, 17, 7) AS late;
EXECUTE p(0);
EXECUTE p(40);
DEALLOCATE p;

\echo
\echo '=== A model whose source stands in the statement'
CREATE MODEL mph(distance float8, air_time float8) RETURNS float8 USING starlark AS $$
def predict(distance, air_time):
    return distance / air_time * 60
$$;
SELECT carrier, flight, distance, air_time, predict('mph', distance, air_time) AS mph
FROM flights WHERE dest = 'HNL' ORDER BY time_hour, carrier, flight, origin LIMIT 5;

\echo
\echo '=== What a statement costs: rows, distinct arguments, calls, batches, milliseconds'
EXPLAIN (ANALYZE) SELECT predict('mph', distance, air_time) FROM flights;
EXPLAIN SELECT carrier FROM flights WHERE month = 3 AND predict('late', dep_delay, distance, hour, month) = 1;

\echo
\echo '=== Anywhere: what became of the flights of March, by what the model says of them'
SELECT predict('late', dep_delay, distance, hour, month) AS predicted, count(*) AS flights, round(avg(arr_delay)::numeric, 1) AS arr_delay
FROM flights WHERE month = 3 GROUP BY 1 ORDER BY 1;

\echo
\echo '=== And in what writes: predictions are kept in a column'
BEGIN;
CREATE TABLE march AS SELECT carrier, dep_delay, distance, hour, NULL::bigint AS late FROM flights WHERE month = 3;
UPDATE march SET late = predict('late', dep_delay, distance, hour, 3) WHERE dep_delay > 0;
SELECT carrier, count(*) AS flights, count(late) AS asked, sum(late) AS late FROM march GROUP BY carrier ORDER BY sum(late) DESC NULLS LAST LIMIT 3;
ROLLBACK;

\echo
\echo '=== Versions: a new one is the default, the old one stays'
SELECT version FROM pinnacle.models WHERE name = 'mph' \gset
CREATE OR REPLACE MODEL mph(distance float8, air_time float8) RETURNS float8 USING starlark AS $$
def predict(distance, air_time):
    return float(int(distance / air_time * 60 + 0.5))
$$;
\set before mph@ :version
SELECT carrier, flight, predict(:'before', distance, air_time) AS before, predict('mph', distance, air_time) AS now
FROM flights WHERE dest = 'HNL' ORDER BY time_hour, carrier, flight, origin LIMIT 3;
SELECT carrier, flight, predict('late@1', dep_delay, distance, hour, month) AS late
FROM flights WHERE dest = 'HNL' ORDER BY time_hour, carrier, flight, origin LIMIT 3;

\echo
\echo '=== What there is'
SHOW MODELS;
SELECT name, version, runtime, created_at FROM pinnacle.models ORDER BY name;
SELECT model, version, statements, rows, distinct_arguments, null_skipped, calls, batches, errors
FROM pinnacle.predict_stats ORDER BY model, version;

\echo
\echo '=== Another real model: 30 arguments, logistic regression'
CREATE MODEL malignant FROM 'examples/breast_cancer/malignant.onnx' USING onnx;
SELECT id, malignant AS diagnosed, predict('malignant',
    mean_radius, mean_texture, mean_perimeter, mean_area, mean_smoothness, mean_compactness,
    mean_concavity, mean_concave_points, mean_symmetry, mean_fractal_dimension, radius_error,
    texture_error, perimeter_error, area_error, smoothness_error, compactness_error,
    concavity_error, concave_points_error, symmetry_error, fractal_dimension_error, worst_radius,
    worst_texture, worst_perimeter, worst_area, worst_smoothness, worst_compactness,
    worst_concavity, worst_concave_points, worst_symmetry, worst_fractal_dimension) AS predicted
FROM breast_cancer ORDER BY id LIMIT 5;

\echo
\echo '=== How good is it? Measured over the table, and kept with the version'
VALIDATE MODEL malignant ON (SELECT * FROM breast_cancer) TARGET malignant METRICS (accuracy, precision, recall, f1);
SELECT model, version, metric, round(value::numeric, 4) AS value, rows FROM pinnacle.metrics WHERE model = 'malignant' ORDER BY metric;

\echo
\echo '=== A listener keeps the answers in a table, and keeps them right when rows change'
CREATE LISTENER diagnosis ON breast_cancer PREDICT malignant (
    mean_radius, mean_texture, mean_perimeter, mean_area, mean_smoothness, mean_compactness,
    mean_concavity, mean_concave_points, mean_symmetry, mean_fractal_dimension, radius_error,
    texture_error, perimeter_error, area_error, smoothness_error, compactness_error,
    concavity_error, concave_points_error, symmetry_error, fractal_dimension_error, worst_radius,
    worst_texture, worst_perimeter, worst_area, worst_smoothness, worst_compactness,
    worst_concavity, worst_concave_points, worst_symmetry, worst_fractal_dimension);
-- Outputs follow a moment later; a program would simply read the table.
DO $$ BEGIN
    FOR i IN 1..600 LOOP
        EXIT WHEN (SELECT count(*) FROM diagnosis) = (SELECT count(*) FROM breast_cancer);
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
SELECT t.malignant AS diagnosed, d.output AS predicted, count(*) FROM breast_cancer t JOIN diagnosis d USING (id) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT name, state, model_version, rows_behind FROM pinnacle.listeners;
SELECT kind, component, state, percent, rows_done FROM pinnacle.jobs ORDER BY id DESC LIMIT 2;

\echo
\echo '=== Search by meaning: a vector index over the names of 1,458 airports'
CREATE MODEL meaning FROM '.cache/data/minilm.zip' USING sentence;
CREATE VECTOR INDEX airport_names ON airports (name) WITH (model = 'meaning');
\set ECHO none
\ir index_ready.sql
\set ECHO queries
SELECT n.faa, name, round(n.score::numeric, 3) AS score
FROM nearest('airport_names', 'a place for sea planes', 5) AS n JOIN airports USING (faa) ORDER BY n.score DESC;
SELECT name, count(*) AS flights
FROM nearest('airport_names', 'named after a president', 20) AS n JOIN airports USING (faa) JOIN flights ON dest = faa
GROUP BY name ORDER BY flights DESC;

\echo
\echo '=== The end of components: what others use goes only with them'
DROP MODEL malignant CASCADE;
DROP MODEL meaning CASCADE;
DROP MODEL mph;
SELECT name, version, runtime FROM pinnacle.models ORDER BY name;
