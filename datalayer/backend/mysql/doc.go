// Package mysql is the databackend MySQL and MariaDB (MySQL 8.0 Reference Manual, MariaDB Knowledge Base). Tables of the
// URI's database are in schema public; without a database in the URI every database is a schema.
package mysql
