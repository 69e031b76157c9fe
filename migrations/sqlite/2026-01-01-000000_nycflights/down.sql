DROP TABLE flights;
DROP TABLE planes;
DROP TABLE airports;
DROP TABLE airlines;
