"""Where executions are kept: store operations as programs of SQL statements, and who performs them."""
