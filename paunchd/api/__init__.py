"""What is seen from outside: HTTP over a unix socket (everything) and TCP (reads only).

Every answer is built from the newest Snapshot on the board; no request reads the engine or the directory, so
no number of readers delays a pass. An answer never holds an environment value or a command.
"""
