notice(file("/no/such/file"))
