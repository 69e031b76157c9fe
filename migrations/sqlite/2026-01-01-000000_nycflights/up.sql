-- Every flight that left New York's three airports in 2013: the nycflights13 data set (CC0).
-- Times of day are HHMM integers in local time, as the data set has them; time_hour is UTC.

CREATE TABLE airlines (
    carrier TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE airports (
    faa TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    lat DOUBLE NOT NULL,
    lon DOUBLE NOT NULL,
    alt INTEGER NOT NULL,
    tz INTEGER NOT NULL,
    dst TEXT NOT NULL,
    tzone TEXT
);

CREATE TABLE planes (
    tailnum TEXT NOT NULL PRIMARY KEY,
    year INTEGER,
    type TEXT NOT NULL,
    manufacturer TEXT NOT NULL,
    model TEXT NOT NULL,
    engines INTEGER NOT NULL,
    seats INTEGER NOT NULL,
    speed INTEGER,
    engine TEXT NOT NULL
);

-- tailnum and dest reference nothing: some flights name a plane or an airport that the data set lacks.
CREATE TABLE flights (
    id INTEGER NOT NULL PRIMARY KEY,
    year INTEGER NOT NULL,
    month INTEGER NOT NULL,
    day INTEGER NOT NULL,
    dep_time INTEGER,
    sched_dep_time INTEGER NOT NULL,
    dep_delay INTEGER,
    arr_time INTEGER,
    sched_arr_time INTEGER NOT NULL,
    arr_delay INTEGER,
    carrier TEXT NOT NULL,
    flight INTEGER NOT NULL,
    tailnum TEXT,
    origin TEXT NOT NULL,
    dest TEXT NOT NULL,
    air_time INTEGER,
    distance INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    time_hour TIMESTAMP NOT NULL,
    FOREIGN KEY (carrier) REFERENCES airlines (carrier),
    FOREIGN KEY (origin) REFERENCES airports (faa)
);

CREATE INDEX flights_carrier ON flights (carrier);
CREATE INDEX flights_origin_dest ON flights (origin, dest);
CREATE INDEX flights_tailnum ON flights (tailnum);
