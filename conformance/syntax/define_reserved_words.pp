$a = attr
notice(private)
