-- Creates the tables flights, airports and breast_cancer and fills them from .cache/data, where examples/data.py writes them.
-- Run it with psql from the root of the repository; running it again makes the tables anew.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;

DROP TABLE IF EXISTS flights;
CREATE TABLE flights (
    year           int NOT NULL,
    month          int NOT NULL,
    day            int NOT NULL,
    dep_time       int,               -- hours * 100 + minutes, local time; NULL for a cancelled flight
    sched_dep_time int NOT NULL,
    dep_delay      float8,            -- minutes; negative when early
    arr_time       int,
    sched_arr_time int NOT NULL,
    arr_delay      float8,
    carrier        text NOT NULL,
    flight         int NOT NULL,
    tailnum        text,
    origin         text NOT NULL,
    dest           text NOT NULL,
    air_time       float8,            -- minutes
    distance       float8 NOT NULL,   -- miles
    hour           int NOT NULL,      -- of the scheduled departure
    minute         int NOT NULL,
    time_hour      timestamptz NOT NULL
);
\copy flights FROM '.cache/data/flights.csv' WITH (FORMAT csv, HEADER)
ALTER TABLE flights ADD PRIMARY KEY (time_hour, carrier, flight, origin);

DROP TABLE IF EXISTS airports;
CREATE TABLE airports (faa text PRIMARY KEY, name text NOT NULL);
\copy airports FROM '.cache/data/airports.csv' WITH (FORMAT csv, HEADER)

DROP TABLE IF EXISTS breast_cancer;
CREATE TABLE breast_cancer (
    id int PRIMARY KEY,
    mean_radius float8 NOT NULL,
    mean_texture float8 NOT NULL,
    mean_perimeter float8 NOT NULL,
    mean_area float8 NOT NULL,
    mean_smoothness float8 NOT NULL,
    mean_compactness float8 NOT NULL,
    mean_concavity float8 NOT NULL,
    mean_concave_points float8 NOT NULL,
    mean_symmetry float8 NOT NULL,
    mean_fractal_dimension float8 NOT NULL,
    radius_error float8 NOT NULL,
    texture_error float8 NOT NULL,
    perimeter_error float8 NOT NULL,
    area_error float8 NOT NULL,
    smoothness_error float8 NOT NULL,
    compactness_error float8 NOT NULL,
    concavity_error float8 NOT NULL,
    concave_points_error float8 NOT NULL,
    symmetry_error float8 NOT NULL,
    fractal_dimension_error float8 NOT NULL,
    worst_radius float8 NOT NULL,
    worst_texture float8 NOT NULL,
    worst_perimeter float8 NOT NULL,
    worst_area float8 NOT NULL,
    worst_smoothness float8 NOT NULL,
    worst_compactness float8 NOT NULL,
    worst_concavity float8 NOT NULL,
    worst_concave_points float8 NOT NULL,
    worst_symmetry float8 NOT NULL,
    worst_fractal_dimension float8 NOT NULL,
    malignant int NOT NULL            -- 1 or 0, as diagnosed
);
\copy breast_cancer FROM '.cache/data/breast_cancer.csv' WITH (FORMAT csv, HEADER)

COMMIT;
ANALYZE flights;
ANALYZE airports;
ANALYZE breast_cancer;
