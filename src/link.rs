//! One socket, many requests: replies by id, credit per query, cancel on drop. Serves both ends.
