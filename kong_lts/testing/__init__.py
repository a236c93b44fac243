"""What tests and rehearsals need: a PostgreSQL of their own, a stand-in for `kong`."""
